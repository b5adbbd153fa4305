/** Sorts by a click on a column's head, and filters the findings. The page reads the same without it. */
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
if (box) box.addEventListener('input', () => {
  const wanted = box.value.toLowerCase();
  for (const finding of document.querySelectorAll('details.finding')) {
    finding.hidden = !finding.textContent.toLowerCase().includes(wanted);
  }
});
`
