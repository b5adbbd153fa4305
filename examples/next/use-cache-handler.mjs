import { createUseCacheHandler } from 'hundredfold/cache/next'
import { settings } from './store.mjs'

export default createUseCacheHandler(settings)
