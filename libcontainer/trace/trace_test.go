package trace

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// example returns an account with a part, a step of the child that has failed, and a
// message, whose texts are hostile.
func example() *Trace {
	t := New("runnel run", parent)
	end := t.Begin("a <part>", "place", `mounts[0] "/x"&`)
	t.Add(Span{Track: Child, Name: "mount \x1b[31m</text><script>alert(1)</script>", From: t.begin + 1, To: t.begin + 2, Failure: "no\xffway]]>"})
	time.Sleep(time.Microsecond)
	end(nil)
	t.Mark("said 'so' & \u202e more")
	t.End(errors.New("failed"))
	return t
}

func written(t *testing.T, format Format) string {
	t.Helper()
	var b strings.Builder
	if err := example().Write(&b, format, "1.0"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestChrome(t *testing.T) {
	var got struct {
		OtherData   struct{ TraceID string }
		TraceEvents []struct {
			Ph, Name string
			Ts, Dur  float64
			Tid      int
			Args     map[string]string
		}
	}
	if err := json.Unmarshal([]byte(written(t, Chrome)), &got); err != nil {
		t.Fatal(err)
	}
	if got.OtherData.TraceID != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("trace id %q", got.OtherData.TraceID)
	}
	var phases, names string
	for _, e := range got.TraceEvents {
		phases += e.Ph
		if e.Ph == "X" {
			names += e.Name[:5] + ";"
			if e.Dur <= 0 || e.Ts < 0 {
				t.Errorf("%s: %v for %v", e.Name, e.Ts, e.Dur)
			}
		}
	}
	if phases != "MMXXXi" || names != "runne;a <pa;mount;" {
		t.Errorf("events %s: %s", phases, names)
	}
}

func TestOTLP(t *testing.T) {
	type span struct {
		TraceID, SpanID, ParentSpanID, Name string
		StartTimeUnixNano, EndTimeUnixNano  string
		Status                              struct{ Code int }
		Events                              []struct{ Name string }
	}
	var got struct {
		ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
	}
	if err := json.Unmarshal([]byte(written(t, OTLP)), &got); err != nil {
		t.Fatal(err)
	}
	spans := got.ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	run, part, step := spans[0], spans[1], spans[2]
	if run.ParentSpanID != "b7ad6b7169203331" || part.ParentSpanID != run.SpanID || step.ParentSpanID != run.SpanID {
		t.Errorf("parents: %+v", spans)
	}
	if run.Status.Code != 2 || part.Status.Code != 1 || step.Status.Code != 2 || len(run.Events) != 1 {
		t.Errorf("status: %+v", spans)
	}
	for _, s := range spans {
		if s.TraceID != "0af7651916cd43dd8448eb211c80319c" || len(s.SpanID) != 16 || len(s.StartTimeUnixNano) != 19 || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%+v", s)
		}
	}
}

// The page must be XML, so that nothing in it is text that was meant to be shown.
func TestHTML(t *testing.T) {
	page := written(t, HTML)
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict = true
	elements := map[string]int{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, page)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
			if slices.Contains(e.Attr, xml.Attr{Name: xml.Name{Local: "class"}, Value: "cut"}) {
				elements["cut"]++
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "src" {
					t.Errorf("attribute %s of %s", a.Name.Local, e.Name.Local)
				}
			}
		}
	}
	if elements["script"] != 0 || elements["rect"]-elements["cut"] != 3 || elements["svg"] != 1 || elements["td"] != 2 {
		t.Errorf("elements: %v", elements)
	}
	for _, bad := range []string{"\x1b", "\xff", "\u202e", "<script", "http-equiv=\"refresh"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, "a &lt;part&gt;") {
		t.Error("a name isn't in the page")
	}
}

func TestTraceparent(t *testing.T) {
	for text, want := range map[string]string{
		parent:                      "b7ad6b7169203331",
		"01" + parent[2:] + "-more": "b7ad6b7169203331",
		parent + "-more":            "",
		"ff" + parent[2:]:           "",
		"":                          "",
		"00-0af7":                   "",
		strings.ToUpper(parent):     "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": "",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": "",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz": "",
	} {
		tr := New("x", text)
		if tr.parent != want || len(tr.id) != 32 || (want != "") != strings.Contains(text, tr.id) {
			t.Errorf("New(%q) has the trace %q, the parent %q", text, tr.id, tr.parent)
		}
	}
}

func TestNone(t *testing.T) {
	var none *Trace
	none.Begin("x")(errors.New("y"))
	none.Mark("x")
	none.Add(Span{})
	if n := testing.AllocsPerRun(100, func() { none.Begin("x")(nil) }); n != 0 {
		t.Errorf("nothing costs %v allocations", n)
	}
}

func TestTicks(t *testing.T) {
	for _, total := range []int64{1, 9, 100, 22648331, 1e9, 7e12} {
		if n := len(axis{total: total}.ticks()); n < 2 || n > 12 {
			t.Errorf("%d ticks for %d", n, total)
		}
	}
}

// TestAxisIsCut has a command of ten seconds that does something in the first and the last
// millisecond.
func TestAxisIsCut(t *testing.T) {
	const ms, end = 1e6, 10e9
	a := (&Trace{}).axis([]Span{{From: 0, To: end}, {From: end - ms, To: end}, {From: 0, To: ms}})
	if want := (axis{total: end, from: ms, until: end - ms}); a != want {
		t.Fatalf("axis = %+v, want %+v", a, want)
	}
	last := 0.0
	for _, n := range []int64{0, ms, end / 2, end - ms, end} {
		x := a.position(n)
		if x <= last || x > labelWidth+pictureWidth {
			t.Errorf("%d ns is at %.1f, after %.1f", n, x, last)
		}
		last = x
	}
	if width := a.position(ms) - a.position(0); width < pictureWidth/3 {
		t.Errorf("the first millisecond is %.1f wide", width)
	}
	for _, n := range a.ticks() {
		if n > a.total || n > a.from && n < a.until {
			t.Errorf("a tick at %d", n)
		}
	}
	even := (&Trace{}).axis([]Span{{From: 0, To: 100}, {From: 10, To: 50}, {From: 60, To: 100}})
	if even != (axis{total: 100}) {
		t.Errorf("axis = %+v, which is cut", even)
	}
}
