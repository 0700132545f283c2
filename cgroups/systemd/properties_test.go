package systemd

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
)

// spelled formats properties as "Name=value" with GVariant text, and "?" for optional.
func spelled(list []Property) []string {
	var out []string
	for _, p := range list {
		text := p.Name + "=" + p.Value.String()
		if p.Optional {
			text += " ?"
		}
		out = append(out, text)
	}
	return out
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		name, json string
		now        limits.Present
		v2, v1     []string
	}{
		{name: "nothing", json: `{}`},
		{
			name: "memory", json: `{"memory": {"limit": 1000, "swap": 3000, "reservation": 500}}`,
			v2: []string{"MemoryMax=@t 1000", "MemoryLow=@t 500", "MemorySwapMax=@t 2000"},
			v1: []string{"MemoryLimit=@t 1000"},
		},
		{
			name: "memory without limits", json: `{"memory": {"limit": -1}}`,
			v2: []string{"MemoryMax=@t 18446744073709551615", "MemorySwapMax=@t 18446744073709551615"},
			v1: []string{"MemoryLimit=@t 18446744073709551615"},
		},
		{
			name: "cpu", json: `{"cpu": {"shares": 1024, "quota": 20001, "period": 50000, "cpus": "0-2,8", "mems": "0"}}`,
			v2: []string{
				"CPUWeight=@t 100", "CPUQuotaPeriodUSec=@t 50000 ?", "CPUQuotaPerSecUSec=@t 410000",
				"AllowedCPUs=@ay [0x7, 0x1] ?", "AllowedMemoryNodes=@ay [0x1] ?",
			},
			v1: []string{"CPUShares=@t 1024", "CPUQuotaPeriodUSec=@t 50000 ?", "CPUQuotaPerSecUSec=@t 410000"},
		},
		{
			name: "cpu quota alone", json: `{"cpu": {"quota": 20000}}`, now: limits.Present{CPUMax: "max 40000"},
			v2: []string{"CPUQuotaPeriodUSec=@t 40000 ?", "CPUQuotaPerSecUSec=@t 500000"},
			v1: []string{"CPUQuotaPeriodUSec=@t 40000 ?", "CPUQuotaPerSecUSec=@t 500000"},
		},
		{
			name: "cpu period alone", json: `{"cpu": {"period": 40000}}`, now: limits.Present{CPUMax: "20000 100000"},
			v2: []string{"CPUQuotaPeriodUSec=@t 40000 ?", "CPUQuotaPerSecUSec=@t 500000"},
			v1: []string{"CPUQuotaPeriodUSec=@t 40000 ?", "CPUQuotaPerSecUSec=@t 500000"},
		},
		{
			name: "no cpu quota", json: `{"cpu": {"quota": -1}}`,
			v2: []string{"CPUQuotaPeriodUSec=@t 100000 ?", "CPUQuotaPerSecUSec=@t 18446744073709551615"},
			v1: []string{"CPUQuotaPeriodUSec=@t 100000 ?", "CPUQuotaPerSecUSec=@t 18446744073709551615"},
		},
		{name: "idle", json: `{"cpu": {"idle": 1, "shares": 512}}`, v2: []string{"CPUWeight=@t 0 ?"}},
		{
			name: "no longer idle", json: `{"cpu": {"idle": 0}}`, now: limits.Present{IsIdle: true},
			v2: []string{"CPUWeight=@t 18446744073709551615"},
		},
		{name: "never idle", json: `{"cpu": {"idle": 0}}`},
		{
			name: "no longer idle, with shares", json: `{"cpu": {"idle": 0, "shares": 1024}}`, now: limits.Present{IsIdle: true},
			v2: []string{"CPUWeight=@t 100"}, v1: []string{"CPUShares=@t 1024"},
		},
		{
			name: "swap alone", json: `{"memory": {"swap": 5000}}`, now: limits.Present{MemoryMax: "1000"},
			v2: []string{"MemorySwapMax=@t 4000"},
		},
		{
			name: "block devices", json: `{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 10}, {"major": 8, "minor": 1, "weight": 0}],
				"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}, {"major": 8, "minor": 16, "rate": 0}],
				"throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 7}]}}`,
			v2: []string{
				`IODeviceWeight=@a(st) [("/dev/block/8:0", 1,)] ?`,
				`IOReadBandwidthMax=@a(st) [("/dev/block/8:0", 1000,), ("/dev/block/8:16", 18446744073709551615,)] ?`,
				`IOWriteIOPSMax=@a(st) [("/dev/block/8:0", 7,)] ?`,
			},
			v1: []string{
				`BlockIODeviceWeight=@a(st) [("/dev/block/8:0", 10,)] ?`,
				`BlockIOReadBandwidth=@a(st) [("/dev/block/8:0", 1000,), ("/dev/block/8:16", 18446744073709551615,)] ?`,
			},
		},
		{
			name: "unified block devices", json: `{"unified": {"io.weight": "default 300\n8:0 50\n8:16 default",
				"io.max": "8:0 rbps=1000 wbps=max\n8:16 wiops=9", "memory.zswap.max": "0", "memory.zswap.writeback": "0"}}`,
			v2: []string{
				`IOReadBandwidthMax=@a(st) [("/dev/block/8:0", 1000,)] ?`,
				`IOWriteBandwidthMax=@a(st) [("/dev/block/8:0", 18446744073709551615,)] ?`,
				`IOWriteIOPSMax=@a(st) [("/dev/block/8:16", 9,)] ?`,
				"IOWeight=@t 300", `IODeviceWeight=@a(st) [("/dev/block/8:0", 50,)] ?`,
				"MemoryZSwapMax=@t 0 ?", "MemoryZSwapWriteback=false ?",
			},
		},
		{
			name: "no processes", json: `{"pids": {"limit": 0}}`,
			v2: []string{"TasksMax=@t 1"}, v1: []string{"TasksMax=@t 1"},
		},
		{
			name: "unlimited processes", json: `{"pids": {"limit": -1}}`,
			v2: []string{"TasksMax=@t 18446744073709551615"}, v1: []string{"TasksMax=@t 18446744073709551615"},
		},
		{
			name: "block weight", json: `{"blockIO": {"weight": 1000}}`,
			v2: []string{"IOWeight=@t 10000"}, v1: []string{"BlockIOWeight=@t 1000"},
		},
		{
			name: "unified", json: `{"unified": {"memory.high": "5000", "memory.min": "max", "memory.low": "1G", "cpu.max": "max 20000",
				"cpu.weight": "7", "cpuset.cpus": "1", "memory.oom.group": "1", "pids.max": "9", "hugetlb.2MB.max": "0", "io.max": "x"}}`,
			v2: []string{
				"CPUQuotaPeriodUSec=@t 20000 ?", "CPUQuotaPerSecUSec=@t 18446744073709551615", "CPUWeight=@t 7",
				"AllowedCPUs=@ay [0x2] ?", "MemoryHigh=@t 5000", "MemoryMin=@t 18446744073709551615",
				`OOMPolicy="kill" ?`, "TasksMax=@t 9",
			},
		},
	} {
		var r specs.LinuxResources
		if err := json.Unmarshal([]byte(c.json), &r); err != nil {
			t.Fatal(err)
		}
		for isUnified, want := range map[bool][]string{true: c.v2, false: c.v1} {
			got, err := Resources(&r, isUnified, c.now)
			if err != nil {
				t.Errorf("%s: Resources(v2 %v) = %v", c.name, isUnified, err)
			}
			if diff := cmp.Diff(want, spelled(got)); diff != "" {
				t.Errorf("%s: Resources(v2 %v) (-want +got):\n%s", c.name, isUnified, diff)
			}
		}
	}
}

func TestResourcesErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"cpu": {"cpus": "a"}}`:                 "linux.resources.cpu.cpus:",
		`{"cpu": {"mems": "3-1"}}`:               "linux.resources.cpu.mems:",
		`{"cpu": {"cpus": ","}}`:                 "linux.resources.cpu.cpus:",
		`{"cpu": {"cpus": "0-99999999"}}`:        "linux.resources.cpu.cpus:",
		`{"unified": {"pids.max": "many"}}`:      `linux.resources.unified["pids.max"]:`,
		`{"unified": {"io.weight": "heavy"}}`:    `linux.resources.unified["io.weight"]:`,
		`{"unified": {"cpu.max": "1000 often"}}`: `linux.resources.unified["cpu.max"]:`,
	} {
		var r specs.LinuxResources
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		_, problems := Resources(&r, true, limits.Present{})
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), want) {
			t.Errorf("Resources(%s) = %v, want %s", text, problems, want)
		}
	}
}

func TestResourcesReturnsAllProblems(t *testing.T) {
	_, problems := Resources(&specs.LinuxResources{
		CPU:     &specs.LinuxCPU{Cpus: "a", Mems: "b"},
		Unified: map[string]string{"pids.max": "many", "cpu.max": "1000 often", "memory.max": "1"},
	}, true, limits.Present{})
	var got []string
	for _, e := range problems {
		got = append(got, e.Place.Pointer)
	}
	want := []string{
		"/linux/resources/cpu/cpus", "/linux/resources/cpu/mems",
		"/linux/resources/unified/cpu.max", "/linux/resources/unified/pids.max",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places of the problems (-want +got):\n%s", diff)
	}
}

func TestAnnotations(t *testing.T) {
	picked, err := Annotations(map[string]string{
		"org.systemd.property.TimeoutStopSec":   "1.5",
		"org.systemd.property.RuntimeMaxSec":    "uint64 7",
		"org.systemd.property.TimeoutStartUSec": "uint64 7",
		"org.systemd.property.After":            "['a.service', 'b.service']",
		"org.systemd.property.CollectMode":      "'inactive'",
		"org.systemd.property.SendSIGHUP":       "true",
		"other":                                 "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := annotationProperties(picked)
	want := []string{
		`After=["a.service", "b.service"]`, `CollectMode="inactive"`, "RuntimeMaxUSec=@t 7000000",
		"SendSIGHUP=true", "TimeoutStartUSec=@t 7", "TimeoutStopUSec=@t 1500000",
	}
	if diff := cmp.Diff(want, spelled(list)); err != nil || diff != "" {
		t.Errorf("annotationProperties() = %v (-want +got):\n%s", err, diff)
	}
	if none, err := Annotations(map[string]string{"a": "b"}); none != nil || err != nil {
		t.Errorf("Annotations() without any = %v, %v", none, err)
	}
}

func TestAnnotationErrors(t *testing.T) {
	for name, value := range map[string]string{
		"Ab": "1", "A-b": "1", "A1b": "1", "": "1", "After": "['a", "Description": "plain text",
		"PIDs": "[uint32 1]", "PIDFDs": "[]", "Slice": "'x.slice'", "Delegate": "false",
		"TimeoutStopSec": "'long'", "RuntimeMaxSec": "-1",
	} {
		if got, err := Annotations(map[string]string{AnnotationPrefix + name: value}); err == nil {
			t.Errorf("Annotations(%s: %s) = %v, want an error", name, value, got)
		}
	}
}

func TestAllowList(t *testing.T) {
	const names = "Character devices:\n  1 mem\n  4 tty\n  4 ttyS\n136 pts\n\nBlock devices:\n  4 other\n  8 sd\n"
	got := allowList([]devices.Entry{
		{Kind: 'c', Major: -1, Minor: -1, Access: "m"}, {Kind: 'b', Major: -1, Minor: -1, Access: "rm"},
		{Kind: 'c', Major: 1, Minor: 3, Access: "rwm"}, {Kind: 'b', Major: 8, Minor: 0, Access: "r"},
		{Kind: 'c', Major: 4, Minor: -1, Access: "w"}, {Kind: 'c', Major: 99, Minor: -1, Access: "w"},
		{Kind: 'c', Major: -1, Minor: 7, Access: "w"},
	}, names)
	want := []deviceAllow{
		{"char-*", "m"}, {"block-*", "rm"}, {"/dev/char/1:3", "rwm"}, {"/dev/block/8:0", "r"},
		{"char-tty", "w"}, {"char-ttyS", "w"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("allowList() (-want +got):\n%s", diff)
	}
}

func TestAddresses(t *testing.T) {
	env := func(values map[string]string) func(string) string {
		return func(key string) string { return values[key] }
	}
	for _, c := range []struct {
		user bool
		env  map[string]string
		want []string
	}{
		{false, nil, []string{"unix:path=/run/systemd/private", "unix:path=/run/dbus/system_bus_socket", "unix:path=/var/run/dbus/system_bus_socket"}},
		{false, map[string]string{"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/x"}, []string{"unix:path=/x"}},
		{true, nil, []string{"unix:path=/run/user/5/systemd/private", "unix:path=/run/user/5/bus"}},
		{
			true, map[string]string{"XDG_RUNTIME_DIR": "/r,x", "DBUS_SESSION_BUS_ADDRESS": "unix:abstract=y"},
			[]string{"unix:abstract=y", "unix:path=/r%2cx/systemd/private", "unix:path=/r%2cx/bus"},
		},
		{
			true, map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/5/bus"},
			[]string{"unix:path=/run/user/5/systemd/private", "unix:path=/run/user/5/bus"},
		},
	} {
		var got []string
		for _, a := range addresses(c.user, env(c.env), 5) {
			got = append(got, a.text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("addresses(user %v, %v) (-want +got):\n%s", c.user, c.env, diff)
		}
	}
}

func TestWithoutUnknown(t *testing.T) {
	var asked [][]string
	err := withoutUnknown([]Property{set("A", 1), optional(set("New", 1)), optional(set("Newer", 1))}, func(list []Property) error {
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		asked = append(asked, names)
		for _, unknown := range []string{"Newer", "New"} {
			if slices.Contains(names, unknown) {
				return dbus.Error{Name: errReadOnly, Body: []any{"Cannot set property " + unknown + ", or unknown property."}}
			}
		}
		return nil
	})
	want := [][]string{{"A", "New", "Newer"}, {"A", "New"}, {"A"}}
	if diff := cmp.Diff(want, asked); err != nil || diff != "" {
		t.Errorf("withoutUnknown() = %v, asked (-want +got):\n%s", err, diff)
	}
	refused := dbus.Error{Name: errReadOnly, Body: []any{"Cannot set property A, or unknown property."}}
	err = withoutUnknown([]Property{set("A", 1)}, func([]Property) error { return refused })
	if !isError(err, errReadOnly) {
		t.Errorf("withoutUnknown() of a property that is needed = %v", err)
	}
}
