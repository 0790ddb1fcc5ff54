package report

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPageInChromium(t *testing.T) {
	b := startBrowser(t)
	b.media("screen", "light")
	run, opts := waiveEdge(testRun(certificates()...)), Options{Now: began}
	page := render(t, "html", run, opts)
	b.open(page)

	if n, want := eval[int](b, `document.querySelectorAll("#nodes tbody tr").length`), len(certificates()); n != want {
		t.Errorf("%d rows for %d nodes", n, want)
	}
	checkNothingLoaded(t, b)
	t.Run("filter", func(t *testing.T) { testFilter(t, b) })
	t.Run("sort by keyboard", func(t *testing.T) { testSort(t, b) })
	t.Run("contrast", func(t *testing.T) { testContrast(t, b) })
	t.Run("accessible names", func(t *testing.T) { testAccessible(t, b) })
	t.Run("paper", func(t *testing.T) { testPaper(t, b) })
	t.Run("without script", func(t *testing.T) { testWithoutScript(t, b, page) })
	t.Run("hostile", func(t *testing.T) { testHostilePage(t, b) })
	t.Run("10,000 nodes", func(t *testing.T) { testManyNodes(t, b) })
}

// checkNothingLoaded wants that nothing but the file was asked for and that
// the policy had nothing to refuse, other than what refused lists.
func checkNothingLoaded(t *testing.T, b *browser) {
	t.Helper()
	if got := b.seen("Network.requestWillBeSent"); len(got) != 1 {
		t.Errorf("%d requests, want the page alone: %s", len(got), got)
	}
	for _, kind := range []string{"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening"} {
		if got := b.seen(kind); len(got) > 0 {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

const visibleNames = `Array.from(document.querySelectorAll("#nodes tbody tr:not([hidden]) th"), th => th.textContent.trim())`

func testFilter(t *testing.T, b *browser) {
	all := eval[[]string](b, visibleNames)
	eval[any](b, `document.getElementById("words").focus()`)
	b.call("Input.insertText", map[string]any{"text": "WORKER-2 kubeadm"}, nil)
	if diff := cmp.Diff([]string{"worker-2"}, eval[[]string](b, visibleNames)); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
	if got, want := eval[string](b, `document.getElementById("shown").textContent`), fmt.Sprintf("1 of %d nodes shown", len(all)); got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	choose := func(words, state string) []string {
		return eval[[]string](b, fmt.Sprintf(`(() => {
			words.value = %q; words.dispatchEvent(new Event("input"));
			const answer = document.getElementById("answer"); answer.value = %q; answer.dispatchEvent(new Event("change"));
			return %s; })()`, words, state, visibleNames))
	}
	for state, want := range map[string][]string{
		"off":      {"worker-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6", "edge-7", "edge-8"},
		"waived":   {"edge-0", "edge-1"},
		"invalid":  {"worker-3"},
		"external": {"ip-10-0-1-23.eu-west-1.compute.internal"}, "not-assessed": {"worker-4", "worker-5", "worker-6"},
	} {
		if diff := cmp.Diff(want, choose("", state)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
	if diff := cmp.Diff(all, choose("", "")); diff != "" {
		t.Errorf("everything again (-want +got):\n%s", diff)
	}
}

func testSort(t *testing.T, b *browser) {
	header := `document.querySelector("#nodes th.c-cert_not_after")`
	eval[any](b, header+`.querySelector("button").focus()`)
	if style := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); style != "solid" {
		t.Errorf("the focus is not visible: outline %q", style)
	}
	b.press("Enter", 13, "\r")
	if got := eval[string](b, header+`.getAttribute("aria-sort")`); got != "ascending" {
		t.Errorf("aria-sort %q after Enter", got)
	}
	edge := func() (names []string) {
		for _, name := range eval[[]string](b, visibleNames) {
			if strings.HasPrefix(name, "edge") {
				names = append(names, name)
			}
		}
		return names
	}
	want := []string{"edge-0", "edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6", "edge-7", "edge-8"}
	if diff := cmp.Diff(want, edge()); diff != "" {
		t.Errorf("ascending (-want +got):\n%s", diff)
	}
	if first := eval[[]string](b, visibleNames)[0]; first != "edge-0" {
		t.Errorf("%s is first: what is not known belongs behind", first)
	}
	b.press(" ", 32, " ")
	if got := eval[string](b, header+`.getAttribute("aria-sort")`); got != "descending" {
		t.Errorf("aria-sort %q after the space bar", got)
	}
	if got := eval[[]string](b, visibleNames)[0]; got != "edge-8" {
		t.Errorf("%s is first", got)
	}
	eval[any](b, `document.querySelector("#nodes th.c-node button").click()`)
	if got := eval[int](b, `document.querySelectorAll("[aria-sort]").length`); got != 1 {
		t.Errorf("%d columns say that they are sorted", got)
	}
}

// contrasts is the least contrast of any text with what is behind it, by the
// formula of WCAG 2.
const contrasts = `(() => {
	const parse = (s) => s.match(/[\d.]+/g).map(Number);
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
	let worst = [99, ""];
	for (const e of document.querySelectorAll("body *:not(script):not(rect):not(title):not(desc)")) {
		if (!Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const svg = e.namespaceURI.endsWith("svg"), style = getComputedStyle(e);
		let back = behind(e);
		if (e.classList.contains("inside")) {
			const box = e.getBBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
			const rect = [...e.parentElement.querySelectorAll("rect")].find((r) => { const c = r.getBBox(); return c.x <= x && x <= c.x + c.width && c.y <= y && y <= c.y + c.height; });
			back = parse(getComputedStyle(rect).fill);
		}
		const [a, b] = [light(parse(svg ? style.fill : style.color)), light(back)].sort((p, q) => q - p);
		const contrast = (a + .05) / (b + .05);
		if (contrast < worst[0]) worst = [contrast, e.outerHTML.slice(0, 120)];
	}
	return worst;
})()`

func testContrast(t *testing.T, b *browser) {
	backs := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		b.media("screen", scheme)
		worst := eval[[]any](b, contrasts)
		t.Logf("%s: the least contrast is %.1f", scheme, worst[0])
		if worst[0].(float64) < 4.5 {
			t.Errorf("%s: contrast %.2f: %s", scheme, worst[0], worst[1])
		}
		backs[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
	}
	if len(backs) != 2 {
		t.Errorf("dark and light look the same: %v", backs)
	}
	b.media("screen", "light")
}

// testAccessible reads the page as a screen reader gets it.
func testAccessible(t *testing.T, b *browser) {
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value string }
		}
	}
	b.call("Accessibility.getFullAXTree", nil, &tree)
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		roles[n.Role.Value]++
		switch n.Role.Value {
		case "button", "searchbox", "combobox", "table", "region", "image", "DisclosureTriangle", "contentinfo", "search", "columnheader":
			if n.Name.Value == "" {
				t.Errorf("a %s without a name", n.Role.Value)
			}
		}
	}
	for _, role := range []string{"banner", "main", "contentinfo", "search", "searchbox", "combobox", "table", "caption", "rowheader", "columnheader", "image", "status", "heading", "DisclosureTriangle"} {
		if roles[role] == 0 {
			t.Errorf("no %s: %v", role, roles)
		}
	}
	if n := eval[int](b, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%d main headings", n)
	}
	if n := eval[int](b, `document.querySelectorAll("th:not([scope])").length`); n != 0 {
		t.Errorf("%d heading cells without a scope", n)
	}
	if lang := eval[string](b, `document.documentElement.lang`); lang != "en" {
		t.Errorf("language %q", lang)
	}
}

func testPaper(t *testing.T, b *browser) {
	b.media("print", "dark")
	if back := eval[string](b, `getComputedStyle(document.body).backgroundColor`); back != "rgb(255, 255, 255)" {
		t.Errorf("a dark screen prints %s paper", back)
	}
	if display := eval[string](b, `getComputedStyle(document.getElementById("controls")).display`); display != "none" {
		t.Errorf("controls on paper: display %s", display)
	}
	onPaper := func(name string) bool {
		return eval[bool](b, fmt.Sprintf(`Array.from(document.querySelectorAll("#nodes tbody tr")).find(r => r.cells[0].textContent.trim() === %q).querySelector("dl").checkVisibility()`, name))
	}
	if !onPaper("worker-1") || !onPaper("worker-2") || onPaper("cp-1:2222") {
		t.Error("on paper stands the evidence of those that need action, and of no other")
	}
	b.media("screen", "light")
	pdf := b.binary("Page.printToPDF", map[string]any{"printBackground": false})
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 10_000 {
		t.Errorf("%d bytes of PDF", len(pdf))
	}
	keep(t, "report.pdf", pdf)
	keep(t, "report.png", b.binary("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}))
}

// keep saves what a person may wish to look at, where PAGES says.
func keep(t *testing.T, name string, data []byte) {
	if dir := os.Getenv("PAGES"); dir != "" {
		if err := os.WriteFile(dir+"/"+name, data, 0o644); err != nil {
			t.Error(err)
		}
	}
}

func testWithoutScript(t *testing.T, b *browser, page string) {
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	defer b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false}, nil)
	b.open(page)
	if n := eval[int](b, `document.querySelectorAll("#nodes tbody tr").length`); n != len(certificates()) {
		t.Errorf("%d rows", n)
	}
	if eval[bool](b, `document.getElementById("controls").checkVisibility()`) {
		t.Error("controls that control nothing are shown")
	}
	eval[any](b, `document.querySelector("#nodes details").open = true`)
	if !eval[bool](b, `document.querySelector("#nodes details dl").checkVisibility()`) {
		t.Error("the evidence does not unfold")
	}
}

func testHostilePage(t *testing.T, b *browser) {
	results := activeFleet()
	run := testRun(results...)
	run.Tool, run.Inventory, run.Arguments = active[0], active[1], active
	b.open(render(t, "html", run, Options{}))
	checkNothingLoaded(t, b)
	if got := eval[string](b, `document.title`); strings.Contains(got, "ran") {
		t.Error("a script of the data ran")
	}
	var want []string
	for _, r := range results {
		want = append(want, strings.TrimSpace(Clean(r.Node.Name)))
	}
	if diff := cmp.Diff(want, eval[[]string](b, visibleNames)); diff != "" {
		t.Errorf("names as they stand on the page (-want +got):\n%s", diff)
	}
	for what, want := range map[string]int{"script": 1, "style": 1, "link": 0, "img": 0, "base": 0, "iframe": 0, "form": 0, "h1": 1, "svg": 2, "a": 1, "[onload], [onerror], [onclick], [onmouseover], [style]": 0} {
		if got := eval[int](b, fmt.Sprintf(`document.querySelectorAll(%q).length`, what)); got != want {
			t.Errorf("%d of %s, want %d", got, what, want)
		}
	}
	// The policy holds even where escaping would not.
	eval[any](b, `(() => { const s = document.createElement("script"); s.textContent = "document.title = 'ran'"; document.body.append(s);
		const i = new Image(); i.src = "http://127.0.0.1:9/x"; document.body.append(i); })()`)
	if got := eval[string](b, `document.title`); strings.Contains(got, "ran") {
		t.Error("the policy lets a strange script run")
	}
	if n := len(b.seen("Network.responseReceived")); n > 1 {
		t.Errorf("the policy lets a picture load")
	}
	refused := strings.Join(b.seen("Log.entryAdded"), "\n")
	if !strings.Contains(refused, "script-src") || !strings.Contains(refused, "127.0.0.1:9") {
		t.Errorf("the policy did not refuse script and picture: %s", refused)
	}
}

func testManyNodes(t *testing.T, b *browser) {
	run := testRun()
	run.Results = talkativeFleet(10_000)
	page := render(t, "html", run, Options{})
	start := time.Now()
	b.open(page)
	loaded := time.Since(start)
	start = time.Now()
	eval[any](b, `document.querySelector("#nodes th.c-node button").click()`)
	eval[any](b, `document.body.offsetHeight`)
	sorted := time.Since(start)
	start = time.Now()
	eval[any](b, `words.value = "node-09999"; words.dispatchEvent(new Event("input")); document.body.offsetHeight`)
	filtered := time.Since(start)
	if diff := cmp.Diff([]string{"node-09999"}, eval[[]string](b, visibleNames)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if perNode := len(page) / 10_000; perNode > 4<<10 {
		t.Errorf("%d bytes per node", perNode)
	}
	t.Logf("%d bytes per node; loaded in %v, sorted in %v, filtered in %v", len(page)/10_000, loaded, sorted, filtered)
}
