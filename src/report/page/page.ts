import { Html, html } from './html.ts'
import { script } from './script.ts'
import { style } from './style.ts'

/** A whole page in one file. Its content security policy lets it load nothing. */
export function page(title: string, { header, main }: { header: Html; main: Html }): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <header>${header}</header>
        <main>${main}</main>
        <footer>Made by hundredfold. This file loads nothing from anywhere.</footer>
        <script>
          ${new Html(script)}
        </script>
      </body>
    </html> `.text
}
