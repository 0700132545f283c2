package trace

import (
	"fmt"
	"io"
	"strconv"

	"github.com/runnel/runnel/internal/jsontext"
)

// Format is a format of a trace.
type Format string

// The formats.
const (
	Chrome Format = "chrome" // for ui.perfetto.dev and chrome://tracing
	OTLP   Format = "otlp"   // OpenTelemetry, as JSON
	HTML   Format = "html"   // a page with a picture
)

// Write writes the account. version is that of the program.
func (t *Trace) Write(w io.Writer, format Format, version string) error {
	var text []byte
	switch format {
	case Chrome:
		text = t.chrome()
	case OTLP:
		text = t.otlp(version)
	case HTML:
		text = t.html()
	default:
		return fmt.Errorf("unknown format %q of a trace", format)
	}
	_, err := w.Write(text)
	return err
}

// chrome returns the account in the Trace Event Format: complete events with times in
// microseconds, and instant ones.
func (t *Trace) chrome() []byte {
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("displayTimeUnit", "ms")
	w.Key("otherData")
	w.Begin('{')
	w.String("traceId", t.id)
	w.String("begin", t.started().Format("2006-01-02T15:04:05.000000000Z"))
	w.End('}')
	w.Key("traceEvents")
	w.Begin('[')
	for _, track := range []Track{Parent, Child} {
		w.Element()
		w.Begin('{')
		w.String("ph", "M")
		w.String("name", "thread_name")
		w.Int("pid", 1)
		w.Int("tid", int(track)+1)
		w.Key("args")
		w.Begin('{')
		w.String("name", track.String())
		w.End('}')
		w.End('}')
	}
	for _, s := range t.sorted() {
		w.Element()
		w.Begin('{')
		w.String("ph", "X")
		w.String("cat", "runnel")
		w.String("name", s.Name)
		w.Int("pid", 1)
		w.Int("tid", int(s.Track)+1)
		number(w, "ts", s.From-t.begin)
		number(w, "dur", s.To-s.From)
		w.Key("args")
		w.Begin('{')
		for i := 0; i+1 < len(s.Details); i += 2 {
			w.String(s.Details[i], s.Details[i+1])
		}
		if s.Failure != "" {
			w.String("error", s.Failure)
		}
		w.End('}')
		w.End('}')
	}
	for _, m := range t.moments {
		w.Element()
		w.Begin('{')
		w.String("ph", "i")
		w.String("cat", "debug")
		w.String("name", m.Text)
		w.String("s", "t")
		w.Int("pid", 1)
		w.Int("tid", 1)
		number(w, "ts", m.At-t.begin)
		w.End('}')
	}
	w.End(']')
	w.End('}')
	return append(w.Text, '\n')
}

// number writes nanoseconds as microseconds.
func number(w *jsontext.Writer, key string, ns int64) {
	w.Key(key)
	w.Text = strconv.AppendFloat(w.Text, float64(ns)/1000, 'f', 3, 64)
}

// The values of SpanKind and StatusCode of OpenTelemetry.
const (
	kindInternal = 1
	statusOK     = 1
	statusError  = 2
)

// otlp returns the account as a TracesData of OpenTelemetry, in the JSON encoding of its
// protocol: one span for the command, below the parent of its environment, and below it all
// others, each in the smallest one that contains it.
func (t *Trace) otlp(version string) []byte {
	w := &jsontext.Writer{}
	w.Begin('{')
	list(w, "resourceSpans", func() {
		w.Key("resource")
		w.Begin('{')
		attributes(w, []string{"service.name", "runnel", "service.version", version})
		w.End('}')
		list(w, "scopeSpans", func() {
			w.Key("scope")
			w.Begin('{')
			w.String("name", "runnel")
			w.String("version", version)
			w.End('}')
			w.Key("spans")
			w.Begin('[')
			spans := t.sorted()
			ids, parents := make([]string, len(spans)), t.parents(spans)
			for i := range spans {
				ids[i] = random(8)
			}
			for i := range spans {
				parent := t.parent
				if parents[i] >= 0 {
					parent = ids[parents[i]]
				}
				w.Element()
				t.otlpSpan(w, &spans[i], ids[i], parent, parents[i] < 0)
			}
			w.End(']')
		})
	})
	w.End('}')
	return append(w.Text, '\n')
}

// list writes an array with one object.
func list(w *jsontext.Writer, key string, members func()) {
	w.Key(key)
	w.Begin('[')
	w.Element()
	w.Begin('{')
	members()
	w.End('}')
	w.End(']')
}

func (t *Trace) otlpSpan(w *jsontext.Writer, s *Span, id, parent string, isRoot bool) {
	w.Begin('{')
	w.String("traceId", t.id)
	w.String("spanId", id)
	if parent != "" {
		w.String("parentSpanId", parent)
	}
	w.String("name", s.Name)
	w.Int("kind", kindInternal)
	w.String("startTimeUnixNano", unixNano(s.From))
	w.String("endTimeUnixNano", unixNano(s.To))
	attributes(w, append([]string{"thread.name", s.Track.String()}, s.Details...))
	if isRoot && len(t.moments) > 0 {
		w.Key("events")
		w.Begin('[')
		for _, m := range t.moments {
			w.Element()
			w.Begin('{')
			w.String("timeUnixNano", unixNano(m.At))
			w.String("name", m.Text)
			w.End('}')
		}
		w.End(']')
	}
	w.Key("status")
	w.Begin('{')
	if s.Failure != "" {
		w.Int("code", statusError)
		w.String("message", s.Failure)
	} else {
		w.Int("code", statusOK)
	}
	w.End('}')
	w.End('}')
}

// unixNano formats a time as OpenTelemetry's JSON has 64-bit numbers.
func unixNano(n int64) string { return strconv.FormatInt(n, 10) }

// parents returns, for each span, the index of the one that it is a part of; -1 for the
// command. Steps of the child belong to the span of the parent in which they begin.
func (t *Trace) parents(spans []Span) []int {
	parents := make([]int, len(spans))
	for i := range spans {
		parents[i] = -1
		for j := range spans {
			holds := spans[j].From <= spans[i].From && (spans[j].To >= spans[i].To || spans[i].Track != spans[j].Track && spans[j].To > spans[i].From)
			if j == i || spans[j].Track != Parent || !holds || spans[i].Track == Parent && (spans[j].From == spans[i].From && spans[j].To == spans[i].To && j > i) {
				continue
			}
			if p := parents[i]; p < 0 || spans[j].To-spans[j].From < spans[p].To-spans[p].From {
				parents[i] = j
			}
		}
	}
	return parents
}

func attributes(w *jsontext.Writer, pairs []string) {
	w.Key("attributes")
	w.Begin('[')
	for i := 0; i+1 < len(pairs); i += 2 {
		w.Element()
		w.Begin('{')
		w.String("key", pairs[i])
		w.Key("value")
		w.Begin('{')
		w.String("stringValue", pairs[i+1])
		w.End('}')
		w.End('}')
	}
	w.End(']')
}
