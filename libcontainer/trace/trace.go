// Package trace records what a command does and how long each part takes, and writes it
// in formats that others display. A nil *Trace records nothing, so that code that is
// traced only pays a comparison.
package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Trace is the account of one command. Its methods may be called by several goroutines.
type Trace struct {
	name    string
	id      string // 32 hexadecimal digits, as those of the W3C's Trace Context
	parent  string // 16 hexadecimal digits; "" if there is none
	begin   int64
	mutex   sync.Mutex
	spans   []Span
	moments []Moment
}

// Span is something that took time. Times are in nanoseconds since 1970.
type Span struct {
	Track    Track
	Name     string
	From, To int64
	// Details are pairs of a name and a text.
	Details []string
	// Failure is the error with which it ended; "" if there was none.
	Failure string
}

// Moment is a message that belongs to a point in time.
type Moment struct {
	At   int64
	Text string
}

// Track is who did it.
type Track int

// The tracks.
const (
	Parent Track = iota // the process of the command
	Child               // the process that becomes the container's program
)

func (t Track) String() string {
	if t == Child {
		return "child"
	}
	return "runnel"
}

// New begins the account of a command. traceparent is the W3C's header of this name, as
// the environment variable TRACEPARENT has it; an invalid one counts as none.
func New(name, traceparent string) *Trace {
	t := &Trace{name: name, begin: Now()}
	if t.id, t.parent = parseParent(traceparent); t.id == "" {
		t.id = random(16)
	}
	return t
}

// Now returns the time of the day, on the clock that the child has, too. A monotonic one
// would be another in a time namespace.
func Now() int64 { return time.Now().UnixNano() }

// parseParent parses VERSION-TRACE-SPAN-FLAGS.
func parseParent(text string) (id, span string) {
	parts := strings.Split(text, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 || len(parts[3]) != 2 ||
		!isID(parts[1], 32) || !isID(parts[2], 16) || strings.Trim(parts[0]+parts[3], hexDigits) != "" {
		return "", ""
	}
	return parts[1], parts[2]
}

const hexDigits = "0123456789abcdef"

func isID(text string, length int) bool {
	return len(text) == length && strings.Trim(text, hexDigits) == "" && strings.Trim(text, "0") != ""
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = unix.Getrandom(b, 0) // which doesn't fail for so few bytes
	return fmt.Sprintf("%x", b)
}

// Begin begins a span of the command's process. The function that it returns ends it, with
// the error that it has ended with.
func (t *Trace) Begin(name string, details ...string) func(error) {
	if t == nil {
		return func(error) {}
	}
	from := Now()
	return func(err error) {
		s := Span{Name: name, From: from, To: Now(), Details: details}
		if err != nil {
			s.Failure = err.Error()
		}
		t.Add(s)
	}
}

// Add adds a span that has ended.
func (t *Trace) Add(s Span) {
	if t == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.spans = append(t.spans, s)
}

// Mark adds a message at this point in time.
func (t *Trace) Mark(text string) {
	if t == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.moments = append(t.moments, Moment{Now(), text})
}

// End ends the account. The error is the one with which the command ends.
func (t *Trace) End(err error) {
	s := Span{Name: t.name, From: t.begin, To: Now()}
	if err != nil {
		s.Failure = err.Error()
	}
	t.Add(s)
}

// sorted returns the spans by their beginning, those that contain others first.
func (t *Trace) sorted() []Span {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	spans := slices.Clone(t.spans)
	slices.SortStableFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Track, b.Track), cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To))
	})
	return spans
}

// started returns when the command has begun.
func (t *Trace) started() time.Time { return time.Unix(0, t.begin).UTC() }
