package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

// TestPairedTakesTurns checks that each runtime is first equally often, and that the
// warm-up rounds aren't counted.
func TestPairedTakesTurns(t *testing.T) {
	var order strings.Builder
	calls := 0
	s := scenario{timed: func(c *container, _ *bundle) (time.Duration, error) {
		order.WriteString(c.name)
		calls++
		if calls <= warmUps*3 {
			return time.Hour, nil
		}
		return time.Duration(len(c.name)) * time.Millisecond, nil
	}}
	got, err := paired(3, s)([]*container{{name: "a"}, {name: "bb"}, {name: "ccc"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, 2, 3}, got); diff != "" {
		t.Errorf("medians: (-want +got)\n%s", diff)
	}
	const round = "abbccc" + "bbccca" + "cccabb"
	if want := round + round; order.String() != want {
		t.Errorf("order = %s, want %s", order.String(), want)
	}
}

func TestSumCalls(t *testing.T) {
	const summary = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 29.27    0.073639         225       326        50 futex
  0.26    0.000651         217         3           execve
  0.00    0.000000           0         1           execveat
------ ----------- ----------- --------- --------- ------------------
100.00    0.251617          77      3233       288 total
`
	file := filepath.Join(t.TempDir(), "summary")
	if err := os.WriteFile(file, []byte(summary), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, names := range map[float64][]string{3233: {"total"}, 4: {"execve", "execveat"}, 326: {"futex"}, 0: {"clone"}} {
		if got, err := sumCalls(file, names); got != want || err != nil {
			t.Errorf("sumCalls(%q) = %v, %v, want %v", names, got, err, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	g := group{title: "Time", unit: "ms", ratios: true, format: func(float64) string { return "x" }}
	printTable(&b, g, []*container{{name: "runnel"}, {name: "crun"}}, []row{
		{"run", []float64{2, 4}}, {"exec", []float64{2, math.NaN()}},
	})
	const want = `
| Time (ms) | runnel | crun | runnel / crun |
|---|--:|--:|--:|
| run | x | x | 0.50 |
| exec | x | – | – |
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table: (-want +got)\n%s", diff)
	}
}
