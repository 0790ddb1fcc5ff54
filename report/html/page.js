// Filters and sorts the table of nodes. Without this script the page says the
// same: all controls are made or shown here.
(() => {
  "use strict";
  const table = document.getElementById("nodes");
  const body = table.tBodies[0];
  const words = document.getElementById("words");
  const answer = document.getElementById("answer");
  const shown = document.getElementById("shown");
  // What a row shows while its evidence is folded.
  const rows = Array.from(body.rows, (row) => {
    const cells = Array.from(row.cells, (cell) =>
      Array.from(cell.childNodes).filter((part) => part.nodeName !== "DETAILS").map((part) => part.textContent).join(" "));
    return { row, cells, text: cells.join("\n").toLowerCase() };
  });

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { row, text } of rows) {
      const match = (!answer.value || row.dataset.state === answer.value) && wanted.every((word) => text.includes(word));
      row.hidden = !match;
      count += match;
    }
    shown.textContent = `${count} of ${rows.length} nodes shown`;
  };

  const collator = new Intl.Collator("en", { numeric: true });
  const sort = (header, column) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    rows.sort((a, b) => {
      const x = a.cells[column], y = b.cells[column];
      if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1); // what is not known stays behind
      return descending ? collator.compare(y, x) : collator.compare(x, y);
    });
    body.append(...rows.map(({ row }) => row));
  };

  Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(header, column));
    header.replaceChildren(button);
  });
  words.addEventListener("input", filter);
  answer.addEventListener("change", filter);
  document.getElementById("controls").hidden = false;
  filter();
})();
