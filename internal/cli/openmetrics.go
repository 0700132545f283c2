package cli

import (
	"strconv"
	"strings"

	"github.com/runnel/runnel/libcontainer"
)

// metric is a metric family of OpenMetrics 1.0 with the label id, and perhaps resource.
type metric struct {
	name, kind, unit, help string
	// value returns the value for a container; ok is false if it has none.
	value func(*libcontainer.Load) (value float64, ok bool)
}

const (
	gauge        = "gauge"
	counter      = "counter"
	metricPrefix = "runnel_container_"
	second       = 1e9 // in nanoseconds
	microsecond  = 1e6 // in a second
)

func known(n uint64) (float64, bool) { return float64(n), true }

func perhaps(n *uint64) (float64, bool) {
	if n == nil {
		return 0, false
	}
	return float64(*n), true
}

// metrics returns the families that are documented in runnel-stats(8).
func metrics() []metric {
	type load = libcontainer.Load
	list := []metric{
		{"cpu_seconds", counter, "seconds", "CPU time used.", func(l *load) (float64, bool) { return float64(l.CPU.Usage) / second, true }},
		{"cpu_limit_cores", gauge, "cores", "CPU time per second that the quota permits.", func(l *load) (float64, bool) {
			if l.CPU.Limit == nil {
				return 0, false
			}
			return *l.CPU.Limit / 100, true
		}},
		{"cpu_periods", counter, "", "Periods of the quota in which the container has run.", func(l *load) (float64, bool) { return known(l.CPU.Periods) }},
		{"cpu_throttled_periods", counter, "", "Periods in which the quota was used up.", func(l *load) (float64, bool) { return known(l.CPU.ThrottledPeriods) }},
		{"cpu_throttled_seconds", counter, "seconds", "Time for which processes were throttled.", func(l *load) (float64, bool) { return float64(l.CPU.ThrottledTime) / second, true }},
		{"memory_usage_bytes", gauge, "bytes", "Memory that is accounted to the container.", func(l *load) (float64, bool) { return known(l.Memory.Usage) }},
		{"memory_working_set_bytes", gauge, "bytes", "Memory without caches of files that were not used lately.", func(l *load) (float64, bool) { return known(l.Memory.WorkingSet) }},
		{"memory_limit_bytes", gauge, "bytes", "Limit of memory.", func(l *load) (float64, bool) { return perhaps(l.Memory.Limit) }},
		{"oom_kills", counter, "", "Processes killed because of a lack of memory.", func(l *load) (float64, bool) { return perhaps(l.Memory.OOMKills) }},
		{"io_read_bytes", counter, "bytes", "Bytes read from block devices.", func(l *load) (float64, bool) { return known(l.IO.ReadBytes) }},
		{"io_written_bytes", counter, "bytes", "Bytes written to block devices.", func(l *load) (float64, bool) { return known(l.IO.WriteBytes) }},
		{"io_reads", counter, "", "Read operations on block devices.", func(l *load) (float64, bool) { return known(l.IO.Reads) }},
		{"io_writes", counter, "", "Write operations on block devices.", func(l *load) (float64, bool) { return known(l.IO.Writes) }},
		{"pids", gauge, "", "Processes and threads.", func(l *load) (float64, bool) { return known(l.Pids.Current) }},
		{"pids_limit", gauge, "", "Limit of processes and threads.", func(l *load) (float64, bool) { return perhaps(l.Pids.Limit) }},
		{"paused", gauge, "", "Whether the container is paused.", func(l *load) (float64, bool) {
			if l.Status == libcontainer.Paused {
				return 1, true
			}
			return 0, true
		}},
	}
	for _, r := range []struct {
		name string
		of   func(*load) *libcontainer.Pressure
	}{
		{"cpu", func(l *load) *libcontainer.Pressure { return l.Pressure.CPU }},
		{"memory", func(l *load) *libcontainer.Pressure { return l.Pressure.Memory }},
		{"io", func(l *load) *libcontainer.Pressure { return l.Pressure.IO }},
	} {
		add := func(kind, help string, total func(*libcontainer.Pressure) uint64) {
			list = append(list, metric{"pressure_" + r.name + "_" + kind + "_seconds", counter, "seconds", help, func(l *load) (float64, bool) {
				if p := r.of(l); p != nil {
					return float64(total(p)) / microsecond, true
				}
				return 0, false
			}})
		}
		add("waiting", "Time in which some processes waited for "+r.name+".", func(p *libcontainer.Pressure) uint64 { return p.SomeTotal })
		add("stalled", "Time in which all processes waited for "+r.name+".", func(p *libcontainer.Pressure) uint64 { return p.FullTotal })
	}
	return list
}

// openMetrics returns an exposition in the text format of OpenMetrics 1.0. A family without
// a sample is left out.
func openMetrics(loads []libcontainer.Load) string {
	var text strings.Builder
	for _, m := range metrics() {
		isBegun := false
		for i := range loads {
			value, ok := m.value(&loads[i])
			if !ok {
				continue
			}
			if !isBegun {
				isBegun = true
				m.writeHeader(&text)
			}
			text.WriteString(metricPrefix + m.name)
			if m.kind == counter {
				text.WriteString("_total")
			}
			text.WriteString(`{id="` + escapeLabel(loads[i].ID) + `"} ` + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
		}
	}
	text.WriteString("# EOF\n")
	return text.String()
}

func (m *metric) writeHeader(text *strings.Builder) {
	name := metricPrefix + m.name
	text.WriteString("# TYPE " + name + " " + m.kind + "\n")
	if m.unit != "" {
		text.WriteString("# UNIT " + name + " " + m.unit + "\n")
	}
	text.WriteString("# HELP " + name + " " + m.help + "\n")
}

// escapeLabel escapes the value of a label.
func escapeLabel(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
}
