package hook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHookOutput(t *testing.T) {
	all := strings.Repeat("a", keptOutput) + strings.Repeat("b", 3*keptOutput) + strings.Repeat("c", keptOutput)
	for _, step := range []int{1, 7, 4096, len(all)} {
		var o output
		for i := 0; i < len(all); i += step {
			o.keep([]byte(all[i:min(i+step, len(all))]))
		}
		if want := strings.Repeat("a", keptOutput) + cut + strings.Repeat("c", keptOutput); o.text() != want {
			t.Errorf("in steps of %d: %d bytes, want %d", step, len(o.text()), len(want))
		}
	}
	var o output
	if o.text() != "" {
		t.Errorf("of nothing: %q", o.text())
	}
	o.keep([]byte(strings.Repeat("x", 2*keptOutput)))
	if o.dropped || len(o.text()) != 2*keptOutput {
		t.Errorf("what just fits is cut")
	}
	o = output{}
	o.keep([]byte("a\r\n\x1b[1mb\xff\tü\n"))
	if got, want := o.text(), "a\n?[1mb?\tü\n"; got != want {
		t.Errorf("text() = %q, want %q", got, want)
	}
}

func TestLogHook(t *testing.T) {
	var got []string
	r := Runner{Info: func(line string) { got = append(got, line) }}
	r.Log("hooks.x[0] /h", "one\n\ntwo\n", "", "three")
	if diff := cmp.Diff([]string{"hooks.x[0] /h: one", "hooks.x[0] /h: ", "hooks.x[0] /h: two", "hooks.x[0] /h: three"}, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&many, i)
	}
	r.Log("h", many.String())
	if len(got) != maxLines+1 || got[0] != "h: 0" || got[maxLines/2] != "h: [...]" || got[maxLines] != "h: 999" {
		t.Errorf("of 1000 lines: %q", got)
	}
	Runner{}.Log("h", "text") // must not panic
}
