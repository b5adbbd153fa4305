import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs something as it would run outside of any request. Next follows what a page that it prerenders does, and takes a random
 * number or a time for a part of the page.
 */
export const outsideOfRendering: <Result>(run: () => Result) => Result = AsyncLocalStorage.snapshot()
