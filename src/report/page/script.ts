/** Sorts by a click on a column's head, filters the findings, and copies SQL. The page reads the same without it. */
export const script = `
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const head = button.closest('th'), table = head.closest('table'), body = table.tBodies[0];
    const at = head.cellIndex, down = head.getAttribute('aria-sort') !== 'descending';
    for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const key = (row) => row.cells[at].dataset.value ?? row.cells[at].textContent;
    const rows = [...body.rows].sort((one, other) => {
      const a = key(one), b = key(other), difference = Number(a) - Number(b);
      return Number.isNaN(difference) ? a.localeCompare(b) : difference;
    });
    body.append(...(down ? rows.reverse() : rows));
  });
}
const box = document.getElementById('filter');
let findings;
const readFindings = () => [...document.querySelectorAll('details.finding')].map((all) => ({
  all, head: all.querySelector('summary').textContent.toLowerCase(),
  rows: [...all.querySelectorAll('ul.findings > li')].map((row) => ({ row, text: row.textContent.toLowerCase() })),
}));
if (box) box.addEventListener('input', () => {
  const wanted = box.value.toLowerCase();
  findings ??= readFindings();
  for (const { all, head, rows } of findings) {
    const whole = head.includes(wanted);
    let left = 0;
    for (const { row, text } of rows) {
      row.hidden = !whole && !text.includes(wanted);
      if (!row.hidden) left += 1;
    }
    all.hidden = !whole && left === 0;
  }
});
for (const button of document.querySelectorAll('button.copy')) {
  button.addEventListener('click', async () => {
    const text = button.previousElementSibling;
    getSelection().selectAllChildren(text);
    // Where a page may not write the clipboard, the text is selected at least.
    const done = await navigator.clipboard?.writeText(text.textContent).then(() => true, () => false);
    button.textContent = done ? 'Copied' : 'Selected';
  });
}
`
