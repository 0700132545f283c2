package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/inspect"
)

// ProcessLoad is what a process of a container uses.
type ProcessLoad struct {
	inspect.Identity
	// CPU is in percent of one processor, for the time since the sample before; nil in the
	// first one.
	CPU *float64 `json:"cpu"`
	// CPUTime is in seconds, since the start of the process.
	CPUTime float64 `json:"cpuTime"`
	// RSS is the resident set, in bytes.
	RSS     uint64 `json:"rss"`
	Threads int    `json:"threads"`
}

// ProcessSampler measures the processes of a container again and again. It isn't safe for
// concurrent use.
type ProcessSampler struct {
	container *Container
	last      map[processKey]uint64 // the CPU time in ticks; nil before the first sample
	at        time.Time
}

// processKey identifies a process.
type processKey struct {
	pid       int
	startTime uint64
}

// NewProcessSampler returns a sampler of the container's processes.
func (c *Container) NewProcessSampler() *ProcessSampler { return &ProcessSampler{container: c} }

// ProcessSample is the result of a Sample.
type ProcessSample struct {
	Time time.Time
	// Interval is the time since the sample before; 0 in the first one.
	Interval  time.Duration
	Processes []ProcessLoad
}

// Sample measures all processes, those that use most of the CPU first. The error matches
// ErrNotRunning if the container's init has ended, or doesn't exist yet.
func (s *ProcessSampler) Sample(ctx context.Context) (*ProcessSample, error) {
	sample, err := s.sample(ctx)
	if inspect.IsGone(err) {
		err = ErrNotRunning
	}
	if errors.Is(err, ErrNotRunning) {
		return nil, &notRunning{fmt.Errorf("container with id %s is not running", s.container.ID())}
	}
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", s.container.ID(), err)
	}
	s.container.runtime.debugf("top %s: %d processes", s.container.ID(), len(sample.Processes))
	return sample, nil
}

// notRunning has the words of `events`, and matches ErrNotRunning.
type notRunning struct{ error }

func (notRunning) Is(target error) bool { return target == ErrNotRunning }

// tick is the unit of CPU times in procfs, in seconds.
const tick = 0.01

func (s *ProcessSampler) sample(ctx context.Context) (*ProcessSample, error) {
	init, err := s.container.openInit()
	if err != nil {
		return nil, err
	}
	defer init.close()
	view, err := inspect.NewView(init.task)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	sample := &ProcessSample{Time: now}
	if s.last != nil {
		sample.Interval = now.Sub(s.at)
	}
	times := map[processKey]uint64{}
	err = s.container.eachProcess(ctx, init, func(t *procfs.Task) error {
		stat, err := t.Stat()
		if err != nil {
			return err
		}
		p, err := view.Identity(t)
		if err != nil {
			return err
		}
		p.Init = t.Pid == init.task.Pid
		load := ProcessLoad{
			Identity: *p, CPUTime: float64(stat.CPUTime) * tick, RSS: stat.RSS * uint64(os.Getpagesize()), Threads: stat.Threads,
		}
		key := processKey{t.Pid, stat.StartTime}
		times[key] = stat.CPUTime
		// A process that wasn't there before has used everything since then.
		if before := s.last[key]; sample.Interval > 0 && stat.CPUTime >= before {
			load.CPU = percent(float64(stat.CPUTime-before)*tick, sample.Interval.Seconds())
		}
		sample.Processes = append(sample.Processes, load)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.last, s.at = times, now
	slices.SortStableFunc(sample.Processes, compareLoads)
	return sample, nil
}

// compareLoads orders by use of the CPU, then of memory, then by pid.
func compareLoads(a, b ProcessLoad) int {
	value := func(p *float64) float64 {
		if p == nil {
			return 0
		}
		return *p
	}
	return cmp.Or(cmp.Compare(value(b.CPU), value(a.CPU)), cmp.Compare(b.RSS, a.RSS), cmp.Compare(a.HostPid, b.HostPid))
}
