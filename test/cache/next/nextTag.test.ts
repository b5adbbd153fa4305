import { expect, it } from 'vitest'
import { announcedNames, nextTag } from '../../../src/cache/next/nextTag.ts'

it.each([
  ['cities', 'cities'],
  ['city:Zürich, Altstadt', 'city:Z%C3%BCrich%2C Altstadt'],
  ['100 %', '100 %25'],
  ['👍\n', '%F0%9F%91%8D%0A'],
])('writes %j as a header may hold it, and back', (tag, written) => {
  expect(nextTag(tag)).toBe(written)
  expect(announcedNames([written])).toContain(tag)
})

it('leaves alone what cannot be decoded', () => {
  expect(announcedNames(['100 %', 'cities'])).toEqual(['100 %', 'cities'])
})
