package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

// exampleLoads returns a load in which everything is set, and one of cgroup v1 without limits.
func exampleLoads() []libcontainer.Load {
	f := func(n float64) *float64 { return &n }
	u := func(n uint64) *uint64 { return &n }
	pressure := &libcontainer.Pressure{Some: 1.25, Full: 0.5, SomeTotal: 2_000_000, FullTotal: 1_500_000}
	return []libcontainer.Load{
		{
			ID: "web", Status: libcontainer.Running, Time: time.Unix(0, 0), Interval: 1,
			CPU:    libcontainer.CPULoad{Percent: f(12.34), Limit: f(50), Usage: 1_500_000_000, Throttled: f(10), Periods: 100, ThrottledPeriods: 7, ThrottledTime: 250_000_000},
			Memory: libcontainer.MemoryLoad{Usage: 64 << 20, WorkingSet: 32 << 20, Limit: u(128 << 20), Percent: f(50), OOMKills: u(1)},
			IO:     libcontainer.IOLoad{ReadBytes: 4096, WriteBytes: 8192, Reads: 1, Writes: 2, ReadRate: f(1536), WriteRate: f(0)},
			Pids:   libcontainer.PidsLoad{Current: 3, Limit: u(100)}, Pressure: libcontainer.PressureSet{CPU: pressure, Memory: pressure, IO: pressure},
		},
		{ID: "old", Status: libcontainer.Paused, Memory: libcontainer.MemoryLoad{Usage: 512}, Pids: libcontainer.PidsLoad{Current: 1}},
	}
}

func TestLoadRows(t *testing.T) {
	want := [][]string{
		{"ID", "STATUS", "CPU %", "CPU LIMIT", "THROTTLED", "MEMORY", "MEM LIMIT", "MEM %", "READ/S", "WRITE/S", "PIDS", "PIDS LIMIT", "CPU PRESSURE", "MEM PRESSURE", "IO PRESSURE"},
		{"web", "running", "12.3", "50.0", "10.0%", "64.0MiB", "128.0MiB", "50.0", "1.5KiB", "0B", "3", "100", "1.2/0.5", "1.2/0.5", "1.2/0.5"},
		{"old", "paused", "-", "-", "-", "512B", "-", "-", "-", "-", "1", "-", "-", "-", "-"},
	}
	if diff := cmp.Diff(want, loadRows(exampleLoads())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if header := loadRows(nil)[0]; slices.Contains(header, "CPU PRESSURE") {
		t.Errorf("the header without pressure is %q", header)
	}
}

func TestFrame(t *testing.T) {
	if got, want := frame("a\nb\nc\n", 2), "\033[Ha\033[K\nb\033[K\033[J"; got != want {
		t.Errorf("frame = %q, want %q", got, want)
	}
	if got, want := frame("a\n", 0), "\033[Ha\033[K\033[J"; got != want {
		t.Errorf("frame without a known height = %q, want %q", got, want)
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[float64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 1 << 20: "1.0MiB", 1 << 62: "4.0EiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%g) = %q, want %q", n, got, want)
		}
	}
}

func TestOpenMetrics(t *testing.T) {
	text := openMetrics(exampleLoads())
	samples, err := checkExposition(text)
	if err != nil {
		t.Errorf("%v in:\n%s", err, text)
	}
	for sample, want := range map[string]string{
		`runnel_container_cpu_seconds_total{id="web"}`:                     "1.5",
		`runnel_container_cpu_limit_cores{id="web"}`:                       "0.5",
		`runnel_container_memory_limit_bytes{id="web"}`:                    "134217728",
		`runnel_container_memory_limit_bytes{id="old"}`:                    "",
		`runnel_container_oom_kills_total{id="old"}`:                       "",
		`runnel_container_pids{id="old"}`:                                  "1",
		`runnel_container_paused{id="old"}`:                                "1",
		`runnel_container_pressure_memory_stalled_seconds_total{id="web"}`: "1.5",
	} {
		if samples[sample] != want {
			t.Errorf("%s is %q, want %q", sample, samples[sample], want)
		}
	}
	if got := openMetrics(nil); got != "# EOF\n" {
		t.Errorf("without containers: %q", got)
	}
	if got, want := escapeLabel("a\"\\\n"), `a\"\\\n`; got != want {
		t.Errorf("escapeLabel = %q, want %q", got, want)
	}
}

var (
	familyName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"\}) (\S+)$`)
)

// checkExposition checks a text by the rules of OpenMetrics 1.0 that concern gauges and
// counters: metadata once, before the samples of its family; units as suffixes; samples of a
// family together and each once; counters with _total, and none negative; # EOF as the end.
func checkExposition(text string) (samples map[string]string, err error) {
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok || strings.Contains(body, "# EOF") {
		return nil, fmt.Errorf("it doesn't end with # EOF")
	}
	samples = map[string]string{}
	seen, metadata, family, kind := map[string]bool{}, map[string]bool{}, "", ""
	for line := range strings.Lines(body) {
		line, ok := strings.CutSuffix(line, "\n")
		if !ok || line == "" {
			return nil, fmt.Errorf("line %q", line)
		}
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			word, rest, _ := strings.Cut(rest, " ")
			name, value, ok := strings.Cut(rest, " ")
			switch {
			case !ok || !familyName.MatchString(name):
				return nil, fmt.Errorf("metadata %q", line)
			case word == "TYPE" && (seen[name] || value != gauge && value != counter):
				return nil, fmt.Errorf("type %q", line)
			case word == "TYPE":
				family, kind, seen[name], metadata = name, value, true, map[string]bool{}
			case name != family || metadata[word]:
				return nil, fmt.Errorf("metadata of another family, or twice: %q", line)
			case word == "UNIT" && !strings.HasSuffix(name, "_"+value):
				return nil, fmt.Errorf("the unit isn't the end of the name: %q", line)
			case word != "UNIT" && word != "HELP":
				return nil, fmt.Errorf("metadata %q", line)
			}
			metadata[word] = true
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("sample %q", line)
		}
		want := family
		if kind == counter {
			want += "_total"
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if m[1] != want || err != nil || kind == counter && value < 0 || samples[m[1]+m[2]] != "" {
			return nil, fmt.Errorf("sample %q in family %s of type %s", line, family, kind)
		}
		samples[m[1]+m[2]] = m[3]
	}
	return samples, nil
}

func TestCheckExpositionRefuses(t *testing.T) {
	const good = "# TYPE a counter\na_total{id=\"x\"} 1\n# EOF\n"
	if _, err := checkExposition(good); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "# TYPE a counter\n", strings.Replace(good, "_total", "", 1), strings.Replace(good, "x\"", "x\"\"", 1),
		"# TYPE a gauge\n# UNIT a bytes\n# EOF\n", "# TYPE a gauge\n# TYPE b gauge\n# HELP a x\n# EOF\n",
		strings.Replace(good, "} 1", "} -1", 1), strings.Replace(good, "# EOF", "a_total{id=\"x\"} 2\n# EOF", 1),
	} {
		if _, err := checkExposition(bad); err == nil {
			t.Errorf("accepted:\n%s", bad)
		}
	}
}
