import { keepForReuse } from '../../src/servers/keepForReuse.ts'

// The tests start about two hundred servers.
keepForReuse()
