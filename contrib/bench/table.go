package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
)

type row struct {
	name   string
	values []float64
}

// printHead prints what was measured, and on which machine.
func printHead(w io.Writer, runtimes []*container) {
	var u unix.Utsname
	_ = unix.Uname(&u)
	fmt.Fprintf(w, "Linux %s, %d processors, %s cgroups\n\n", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), mode.Host())
	for _, c := range runtimes {
		fmt.Fprintf(w, "- %s: %s\n", c.name, c.version)
	}
}

// printTable prints one group. The ratios are our value divided by the peer's, so
// values below 1 are better.
func printTable(w io.Writer, g group, runtimes []*container, rows []row) {
	head := []string{fmt.Sprintf("%s (%s)", g.title, g.unit)}
	for _, c := range runtimes {
		head = append(head, c.name)
	}
	if g.ratios {
		for _, c := range runtimes[1:] {
			head = append(head, runtimes[0].name+" / "+c.name)
		}
	}
	fmt.Fprintf(w, "\n| %s |\n|---%s|\n", strings.Join(head, " | "), strings.Repeat("|--:", len(head)-1))
	for _, r := range rows {
		cells := []string{r.name}
		for _, v := range r.values {
			cells = append(cells, orDash(v, g.format))
		}
		if g.ratios {
			for _, v := range r.values[1:] {
				cells = append(cells, orDash(r.values[0]/v, func(v float64) string { return fmt.Sprintf("%.2f", v) }))
			}
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// orDash formats a value; one that could not be measured is a dash.
func orDash(v float64, format func(float64) string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return format(v)
}
