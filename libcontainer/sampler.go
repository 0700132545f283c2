package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runnel/runnel/cgroups"
)

// Load is what a container uses of its resources. Totals begin with the container; rates
// are for the time since the sample before.
type Load struct {
	ID     string    `json:"id"`
	Status Status    `json:"status"`
	Time   time.Time `json:"time"`
	// Interval is the time that the rates are for, in seconds. It is 0 in the first sample
	// of a container, in which there are no rates.
	Interval float64     `json:"interval"`
	CPU      CPULoad     `json:"cpu"`
	Memory   MemoryLoad  `json:"memory"`
	IO       IOLoad      `json:"io"`
	Pids     PidsLoad    `json:"pids"`
	Pressure PressureSet `json:"pressure"`
}

// CPULoad is the use of processors. Times are in nanoseconds; percentages are of one
// processor, except that of throttled periods.
type CPULoad struct {
	// Percent is what was used, and Limit what the quota permits; nil if there is none.
	Percent *float64 `json:"percent"`
	Limit   *float64 `json:"limit"`
	Usage   uint64   `json:"usage"`
	// Throttled is the percentage of the periods in which the quota was used up.
	Throttled        *float64 `json:"throttled"`
	Periods          uint64   `json:"periods"`
	ThrottledPeriods uint64   `json:"throttledPeriods"`
	ThrottledTime    uint64   `json:"throttledTime"`
}

// MemoryLoad is the use of memory, in bytes.
type MemoryLoad struct {
	// Usage is what is accounted to the container, WorkingSet what remains of it without
	// caches of files that weren't used lately.
	Usage      uint64 `json:"usage"`
	WorkingSet uint64 `json:"workingSet"`
	// Limit is nil without one, and Percent, which is of Usage.
	Limit   *uint64  `json:"limit"`
	Percent *float64 `json:"percent"`
	// OOMKills is the number of processes that the kernel has killed because of a lack of
	// memory; nil if it isn't known.
	OOMKills *uint64 `json:"oomKills"`
}

// IOLoad is the use of block devices, in bytes, operations, and bytes per second.
type IOLoad struct {
	ReadBytes  uint64   `json:"readBytes"`
	WriteBytes uint64   `json:"writeBytes"`
	Reads      uint64   `json:"reads"`
	Writes     uint64   `json:"writes"`
	ReadRate   *float64 `json:"readRate"`
	WriteRate  *float64 `json:"writeRate"`
}

// PidsLoad is the number of tasks. Limit is nil without one.
type PidsLoad struct {
	Current uint64  `json:"current"`
	Limit   *uint64 `json:"limit"`
}

// PressureSet is pressure stall information; nil where the kernel has none, as on cgroup v1.
type PressureSet struct {
	CPU    *Pressure `json:"cpu"`
	Memory *Pressure `json:"memory"`
	IO     *Pressure `json:"io"`
}

// Pressure is the share of the last 10 seconds, in percent, in which some or all processes
// waited for a resource, and the time of that since the container began, in microseconds.
type Pressure struct {
	Some      float64 `json:"some"`
	Full      float64 `json:"full"`
	SomeTotal uint64  `json:"someTotal"`
	FullTotal uint64  `json:"fullTotal"`
}

// Sampler measures containers again and again. It isn't safe for concurrent use.
type Sampler struct {
	runtime *Runtime
	ids     []string
	last    map[string]reading
}

// reading is what the sample before has found.
type reading struct {
	Load
	pid       int
	startTime uint64
	at        time.Time // with a monotonic clock
}

// NewSampler returns a sampler of the containers with these ids; without any, of all that
// are created, running or paused and have a cgroup when a sample is taken.
func (r *Runtime) NewSampler(ids ...string) *Sampler {
	once := make([]string, 0, len(ids))
	for _, id := range ids {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return &Sampler{runtime: r, ids: once, last: map[string]reading{}}
}

// Sample measures the containers, sorted by id or in the order of the ids. failed has an
// error for each that can't be measured. A container of the ids that has ended since an
// earlier sample is left out; one that had ended before is an error.
func (s *Sampler) Sample(ctx context.Context) (loads []Load, failed []error, err error) {
	containers, failed, err := s.open()
	defer func() {
		for _, c := range containers {
			c.Close()
		}
	}()
	if err != nil {
		return nil, nil, err
	}
	for _, c := range containers {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		load, err := s.measure(c)
		switch {
		case err != nil && !s.isExpected(c, err):
			failed = append(failed, err)
		case err == nil:
			loads = append(loads, *load)
		}
	}
	s.runtime.debugf("stats: %d containers", len(loads))
	return loads, failed, nil
}

// isExpected reports whether an error is that of a container that needn't be measured.
func (s *Sampler) isExpected(c *Container, err error) bool {
	_, seen := s.last[c.ID()]
	var none *noStats
	hasEnded := errors.As(err, &none) || cgroups.IsGone(err)
	return hasEnded && (seen || len(s.ids) == 0)
}

// open opens the containers to measure. The caller closes them.
func (s *Sampler) open() (containers []*Container, failed []error, err error) {
	if len(s.ids) == 0 {
		containers, failed, err = s.runtime.List()
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // no container has been created yet
		}
		return containers, failed, err
	}
	for _, id := range s.ids {
		c, err := s.runtime.Open(id)
		_, seen := s.last[id]
		switch {
		case err == nil:
			containers = append(containers, c)
		case !seen || !errors.Is(err, ErrNotExist):
			failed = append(failed, err)
		}
	}
	return containers, failed, nil
}

// noStats is the error of a container that has nothing to measure.
type noStats struct{ error }

// measure returns the load of a container, with rates if there is an earlier sample.
func (s *Sampler) measure(c *Container) (*Load, error) {
	m, err := c.liveManager()
	if err != nil {
		return nil, &noStats{err}
	}
	defer m.Close()
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	used, err := m.Stats()
	if err != nil {
		return nil, fmt.Errorf("statistics of %s: %w", c.ID(), err)
	}
	present, err := m.Present()
	if err != nil && !cgroups.IsGone(err) { // a kernel may have no quotas
		return nil, fmt.Errorf("limits of %s: %w", c.ID(), err)
	}
	load := loadOf(used)
	load.ID, load.Status, load.Time = c.ID(), status, now
	load.CPU.Limit = quotaPercent(present.CPUMax)
	if kills, err := m.OOMKills(); err == nil {
		load.Memory.OOMKills = &kills
	}
	before, ok := s.last[c.ID()]
	if ok && before.pid == c.state.Pid && before.startTime == c.state.StartTime {
		load.addRates(&before.Load, now.Sub(before.at))
	}
	s.last[c.ID()] = reading{load, c.state.Pid, c.state.StartTime, now}
	return &load, nil
}

// loadOf converts statistics, without rates.
func loadOf(used *cgroups.Stats) Load {
	l := Load{
		CPU: CPULoad{
			Usage: used.CPU.Usage.Total, Periods: used.CPU.Throttling.Periods,
			ThrottledPeriods: used.CPU.Throttling.ThrottledPeriods, ThrottledTime: used.CPU.Throttling.ThrottledTime,
		},
		Memory:   MemoryLoad{Usage: used.Memory.Usage.Usage, WorkingSet: used.Memory.Usage.Usage},
		Pids:     PidsLoad{Current: used.Pids.Current},
		Pressure: PressureSet{pressureOf(used.CPU.PSI), pressureOf(used.Memory.PSI), pressureOf(used.BlockIO.PSI)},
	}
	inactive, ok := used.Memory.Raw["total_inactive_file"] // v1
	if !ok {
		inactive = used.Memory.Raw["inactive_file"]
	}
	l.Memory.WorkingSet -= min(inactive, l.Memory.WorkingSet)
	// Without a limit v1 has the greatest number of pages, v2 "max". Without the controller it is 0.
	const most = math.MaxInt64 - 1<<22
	if limit := used.Memory.Usage.Limit; limit > 0 && limit < most {
		l.Memory.Limit = &limit
		l.Memory.Percent = percent(float64(l.Memory.Usage), float64(limit))
	}
	if limit := used.Pids.Limit; limit > 0 {
		l.Pids.Limit = &limit
	}
	add := func(list []cgroups.BlockIOEntry, read, write *uint64) {
		for _, e := range list {
			switch e.Op {
			case "Read":
				*read += e.Value
			case "Write":
				*write += e.Value
			}
		}
	}
	add(used.BlockIO.ServiceBytes, &l.IO.ReadBytes, &l.IO.WriteBytes)
	add(used.BlockIO.Serviced, &l.IO.Reads, &l.IO.Writes)
	return l
}

func pressureOf(p *cgroups.PSI) *Pressure {
	if p == nil {
		return nil
	}
	return &Pressure{p.Some.Avg10, p.Full.Avg10, p.Some.Total, p.Full.Total}
}

// percent returns nil if whole is 0.
func percent(part, whole float64) *float64 {
	if whole <= 0 {
		return nil
	}
	p := 100 * part / whole
	return &p
}

// quotaPercent returns the quota of cpu.max in percent of one processor; nil without one.
func quotaPercent(cpuMax string) *float64 {
	fields := strings.Fields(cpuMax)
	if len(fields) != 2 {
		return nil
	}
	quota, err := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	if err != nil || err2 != nil || quota < 0 {
		return nil
	}
	return percent(quota, period)
}

// addRates adds what has happened since an earlier sample. A counter that has become less,
// as one that somebody has reset, has no rate.
func (l *Load) addRates(before *Load, since time.Duration) {
	if since <= 0 {
		return
	}
	l.Interval = since.Seconds()
	rate := func(now, before uint64) *float64 {
		if now < before {
			return nil
		}
		r := float64(now-before) / l.Interval
		return &r
	}
	if used := rate(l.CPU.Usage, before.CPU.Usage); used != nil {
		l.CPU.Percent = percent(*used, float64(time.Second))
	}
	if l.CPU.Periods > before.CPU.Periods && l.CPU.ThrottledPeriods >= before.CPU.ThrottledPeriods {
		l.CPU.Throttled = percent(float64(l.CPU.ThrottledPeriods-before.CPU.ThrottledPeriods), float64(l.CPU.Periods-before.CPU.Periods))
	}
	l.IO.ReadRate = rate(l.IO.ReadBytes, before.IO.ReadBytes)
	l.IO.WriteRate = rate(l.IO.WriteBytes, before.IO.WriteBytes)
}
