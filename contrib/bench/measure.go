package main

import (
	"fmt"
	"slices"
	"time"
)

// group is one table, of measures with the same unit.
type group struct {
	title, unit string
	// ratios adds columns with the ratios of our values and those of the peers.
	ratios   bool
	format   func(float64) string
	measures []measure
}

// measure is one row of a table. take returns a value for each runtime.
type measure struct {
	name string
	take func(runtimes []*container, b *bundle) ([]float64, error)
}

func groups(rounds int) []group {
	milliseconds := func(v float64) string { return fmt.Sprintf("%.2f", v) }
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	return []group{
		{"Time", "median of " + fmt.Sprint(rounds) + ", ms", true, milliseconds, append(times(rounds), checkpoints(rounds)...)},
		{"Work", "number of calls in `run` of `true`, least of 3", true, whole, counts()},
		{"Memory", "KiB", true, whole, append(memories(), imageSizes()...)},
	}
}

// scenario is the operation that is timed. setUp and tearDown run once for each
// runtime, prepare and finish before and after each round. All but timed are optional.
type scenario struct {
	setUp    func(c *container, b *bundle) error
	prepare  func(c *container, b *bundle, round int) error
	timed    func(c *container, b *bundle) (time.Duration, error)
	finish   func(c *container) error
	tearDown func(c *container) error
}

// warmUps is the number of rounds before those that are counted.
const warmUps = 3

// paired times a scenario for all runtimes in turn and returns the medians in
// milliseconds. The order changes from round to round.
func paired(rounds int, s scenario) func([]*container, *bundle) ([]float64, error) {
	return func(runtimes []*container, b *bundle) (medians []float64, err error) {
		for _, c := range runtimes {
			if s.setUp == nil {
				break
			}
			if err := s.setUp(c, b); err != nil {
				return nil, err
			}
		}
		if s.tearDown != nil {
			defer func() {
				for _, c := range runtimes {
					if failed := s.tearDown(c); err == nil {
						err = failed
					}
				}
			}()
		}
		took := make([][]float64, len(runtimes))
		for round := range rounds + warmUps {
			for turn := range runtimes {
				i := (round + turn) % len(runtimes)
				d, err := s.once(runtimes[i], b, round)
				if err != nil {
					return nil, err
				}
				if round >= warmUps {
					took[i] = append(took[i], float64(d)/float64(time.Millisecond))
				}
			}
		}
		for i := range runtimes {
			medians = append(medians, median(took[i]))
		}
		return medians, nil
	}
}

func (s scenario) once(c *container, b *bundle, round int) (time.Duration, error) {
	if s.prepare != nil {
		if err := s.prepare(c, b, round); err != nil {
			return 0, err
		}
	}
	d, err := s.timed(c, b)
	if err != nil {
		return 0, err
	}
	if s.finish != nil {
		err = s.finish(c)
	}
	return d, err
}

func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
