package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// live shows something again after each interval, until a signal ends it.
type live struct {
	*session
	interval time.Duration
	// once ends after the first interval.
	once bool
	// inPlace draws on a terminal, each time over the last.
	inPlace bool
	tables  int
}

// The control sequences for a terminal, console_codes(4): the alternate screen without a
// cursor and without wrapping long lines, so that each line of a table is one line; and back.
const (
	enterScreen = "\033[?1049h\033[?25l\033[?7l"
	leaveScreen = "\033[?7h\033[?25h\033[?1049l"
	toTop       = "\033[H"
	clearLine   = "\033[K"
	clearBelow  = "\033[J"
)

// run calls begin once and then act after each interval, until act returns false or an
// error. Signals that end a command end it without an error, after the terminal was
// restored.
func (l *live) run(begin func(context.Context) error, act func(context.Context) (again bool, err error)) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if err := begin(ctx); err != nil {
		return unlessDone(ctx, err)
	}
	if l.inPlace {
		if err := l.print(enterScreen); err != nil {
			return err
		}
		defer func() { _ = l.print(leaveScreen) }()
	}
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		again, err := act(ctx)
		if err != nil || !again || l.once {
			return unlessDone(ctx, err)
		}
	}
}

// unlessDone returns the error, unless a signal may be its reason.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// table writes a table: over the last one, or below it.
func (l *live) table(rows [][]string) error {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 1, 3, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i], false)
		}
		_, _ = io.WriteString(t, strings.Join(row, "\t")+"\n")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	l.tables++
	if l.inPlace {
		return l.print(frame(text.String(), terminalRows(l.stdout)))
	}
	if l.tables > 1 {
		return l.print("\n" + text.String())
	}
	return l.print(text.String())
}

// frame returns what draws a text on a screen with this many rows, and clears the rest.
func frame(text string, rows int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if rows > 0 && len(lines) > rows {
		lines = lines[:rows]
	}
	return toTop + strings.Join(lines, clearLine+"\n") + clearLine + clearBelow
}

// fileOf returns the file that output goes to; nil if it isn't one.
func fileOf(w io.Writer) *os.File {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	f, _ := w.(*os.File)
	return f
}

// isTerminal reports whether output goes to a terminal on which a cursor can be moved.
func isTerminal(w io.Writer) bool {
	f := fileOf(w)
	if f == nil || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// terminalRows returns the height of the terminal; 0 if it isn't known.
func terminalRows(w io.Writer) int {
	f := fileOf(w)
	if f == nil {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Row)
}
