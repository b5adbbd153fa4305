// Starts a server, says where its data is, and leaves without stopping it: at once, or when it is killed.
import { startEmbedded } from '../../src/servers/embedded.ts'

const server = await startEmbedded()
process.stdout.write(`${server.dataDirectory}\n`)
if (process.argv[2] === 'stay') setInterval(() => undefined, 1_000)
