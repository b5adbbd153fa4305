import { createCacheHandler } from 'hundredfold/cache/next'
import { settings } from './store.mjs'

export default createCacheHandler(settings)
