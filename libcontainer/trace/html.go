package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The measures of the picture, in pixels.
const (
	pictureWidth = 1000
	labelWidth   = 260
	rowHeight    = 18
	axisHeight   = 24
)

// html returns a page with one row for each span. It refers to nothing outside of itself,
// has no script, and can be printed.
func (t *Trace) html() []byte {
	spans := t.sorted()
	axis := t.axis(spans)
	height := axisHeight + rowHeight*len(spans)
	var b strings.Builder
	title := escape(t.name)
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>%s</title>
<style>
body { font: 14px sans-serif; margin: 2em; }
svg { width: 100%%; max-width: %dpx; height: auto; }
svg text { font: 11px sans-serif; }
table { border-collapse: collapse; }
td { padding: 0 1em 0 0; font: 12px monospace; vertical-align: top; }
.runnel { fill: #4878a8; } .child { fill: #6aa84f; } .failed { fill: #c0392b; } .line { stroke: #ddd; } .cut { fill: #eee; }
</style>
</head>
<body>
<h1>%s</h1>
<p>%s, %s, trace %s. Blue is the command, green is the child that becomes the container&#39;s program, red has failed.</p>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="timeline">
`, title, labelWidth+pictureWidth, title, t.started().Format(time.RFC3339), time.Duration(axis.total).Round(time.Microsecond), t.id,
		labelWidth+pictureWidth, height)
	if axis.until > axis.from {
		left, right := axis.position(axis.from), axis.position(axis.until)
		fmt.Fprintf(&b, "<g><title>nothing but the container for %s</title><rect class=\"cut\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"%d\"/></g>\n",
			time.Duration(axis.until-axis.from), left, right-left, height)
	}
	for _, tick := range axis.ticks() {
		x := axis.position(tick)
		fmt.Fprintf(&b, "<line class=\"line\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/><text x=\"%.1f\" y=\"14\">%s</text>\n",
			x, axisHeight-6, x, height, x+2, time.Duration(tick))
	}
	for i := range spans {
		row(&b, &spans[i], spans[i].From-t.begin, spans[i].To-t.begin, axis, axisHeight+rowHeight*i)
	}
	b.WriteString("</svg>\n")
	t.messages(&b)
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

func row(b *strings.Builder, s *Span, from, to int64, a axis, y int) {
	class := s.Track.String()
	if s.Failure != "" {
		class = "failed"
	}
	x := a.position(from)
	tip := s.Name + ": " + time.Duration(to-from).String()
	for i := 0; i+1 < len(s.Details); i += 2 {
		tip += "\n" + s.Details[i] + ": " + s.Details[i+1]
	}
	if s.Failure != "" {
		tip += "\n" + s.Failure
	}
	label := s.Name
	const longest = 38
	if runes := []rune(label); len(runes) > longest {
		label = string(runes[:longest-1]) + "…"
	}
	fmt.Fprintf(b, "<g><title>%s</title><text x=\"0\" y=\"%d\">%s</text><rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/></g>\n",
		escape(tip), y+rowHeight-6, escape(label), class, x, y+2, max(a.position(to)-x, 1), rowHeight-4)
}

// messages writes the messages of --debug as a table.
func (t *Trace) messages(b *strings.Builder) {
	if len(t.moments) == 0 {
		return
	}
	b.WriteString("<table>\n")
	for _, m := range t.moments {
		fmt.Fprintf(b, "<tr><td>%s</td><td>%s</td></tr>\n", time.Duration(m.At-t.begin).Round(time.Microsecond), escape(m.Text))
	}
	b.WriteString("</table>\n")
}

// axis is the scale of the picture, in nanoseconds since the beginning. Between from and until,
// where the command has only waited for the container, it is cut: run would be one bar else.
type axis struct{ total, from, until int64 }

// axis returns the scale for spans, of which the one that begins first is the whole command.
func (t *Trace) axis(spans []Span) axis {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	a := axis{total: 1}
	end := int64(0) // of all spans so far, but the first
	for i := range spans {
		from, to := spans[i].From-t.begin, spans[i].To-t.begin
		a.total = max(a.total, to)
		if i == 0 {
			continue
		}
		if i > 1 && from-end > a.until-a.from {
			a.from, a.until = end, from
		}
		end = max(end, to)
	}
	if a.until-a.from < a.total/2 {
		a.from, a.until = 0, 0
	}
	return a
}

// length is that of the axis without what is cut.
func (a axis) length() int64 { return max(a.total-(a.until-a.from), 1) }

// position returns the place of a time in the picture.
func (a axis) position(n int64) float64 {
	const cutWidth = 0.03 // of the whole
	at, share := float64(n), 1.0
	if a.until > a.from {
		share = 1 - cutWidth
		switch {
		case n >= a.until:
			at = float64(n-(a.until-a.from)) + cutWidth/share*float64(a.length())
		case n > a.from:
			at = float64(a.from) + float64(n-a.from)/float64(a.until-a.from)*cutWidth/share*float64(a.length())
		}
	}
	return labelWidth + at/float64(a.length())*share*(pictureWidth-2)
}

// ticks returns about ten round times.
func (a axis) ticks() []int64 {
	step := int64(1)
	for i := 0; step*10 < a.length(); i++ {
		// 1, 2, 5, 10, 20, 50, …
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	var list []int64
	for n := int64(0); n <= a.total; n += step {
		if n > a.from && n < a.until {
			n = (a.until + step - 1) / step * step
		}
		if n <= a.total {
			list = append(list, n)
		}
	}
	return list
}

// escape makes text safe in HTML and XML. Characters that XML doesn't have are replaced.
func escape(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f, r >= 0xfffe && r <= 0xffff, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
