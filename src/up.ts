import { startEmbedded } from './servers/embedded.ts'
import { casaoraServer } from './bench/casaora/database.ts'
import { makeTwins } from './bench/claims/twins.ts'
const server = await startEmbedded(casaoraServer)
try { const t = await makeTwins(server, 'tiny', () => undefined); console.log(t.series) } catch (e: any) { console.log(e.message) } finally { await server.stop() }
