import { keepInitialised } from '../../src/servers/initialise.ts'

// About two hundred servers are started by the tests.
keepInitialised()
