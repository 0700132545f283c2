package trace

import (
	"fmt"
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
	total := int64(1)
	for i := range spans {
		total = max(total, spans[i].To-t.begin)
	}
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
.runnel { fill: #4878a8; } .child { fill: #6aa84f; } .failed { fill: #c0392b; } .line { stroke: #ddd; }
</style>
</head>
<body>
<h1>%s</h1>
<p>%s, %s, trace %s. Blue is the command, green is the child that becomes the container&#39;s program, red has failed.</p>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="timeline">
`, title, labelWidth+pictureWidth, title, t.started().Format(time.RFC3339), time.Duration(total).Round(time.Microsecond), t.id,
		labelWidth+pictureWidth, height)
	for _, tick := range ticks(total) {
		x := position(tick, total)
		fmt.Fprintf(&b, "<line class=\"line\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/><text x=\"%.1f\" y=\"14\">%s</text>\n",
			x, axisHeight-6, x, height, x+2, time.Duration(tick))
	}
	for i := range spans {
		row(&b, &spans[i], spans[i].From-t.begin, spans[i].To-t.begin, total, axisHeight+rowHeight*i)
	}
	b.WriteString("</svg>\n")
	t.messages(&b)
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

func row(b *strings.Builder, s *Span, from, to, total int64, y int) {
	class := s.Track.String()
	if s.Failure != "" {
		class = "failed"
	}
	x := position(from, total)
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
		escape(tip), y+rowHeight-6, escape(label), class, x, y+2, max(position(to, total)-x, 1), rowHeight-4)
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

func position(n, total int64) float64 {
	return labelWidth + float64(n)/float64(total)*(pictureWidth-2)
}

// ticks returns about ten round times up to total.
func ticks(total int64) []int64 {
	step := int64(1)
	for i := 0; step*10 < total; i++ {
		// 1, 2, 5, 10, 20, 50, …
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	var list []int64
	for n := int64(0); n <= total; n += step {
		list = append(list, n)
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
