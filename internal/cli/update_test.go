package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func updated(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	c := parse(t, append(append([]string{"update"}, args...), "ID")...)
	r, err := (&session{stdin: strings.NewReader(stdin)}).resources(c)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), nil
}

func TestUpdateResources(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", `{}`},
		{"--memory 64m", `{"memory":{"limit":67108864}}`},
		{"--memory -1", `{"memory":{"limit":-1,"swap":-1}}`},
		{"--memory=-1 --memory-swap 1g", `{"memory":{"limit":-1,"swap":1073741824}}`},
		{"--memory-reservation 1000000", `{"memory":{"reservation":1000000}}`},
		{"--memory-swap -1", `{"memory":{"swap":-1}}`},
		{"--kernel-memory 1m --kernel-memory-tcp rubbish", `{}`},
		{"--cpu-period 60000", `{"cpu":{"period":60000}}`},
		{"--cpu-quota -1 --cpu-burst 5", `{"cpu":{"quota":-1,"burst":5}}`},
		{"--cpu-share 700 --cpuset-cpus 0-2,4 --cpuset-mems 0", `{"cpu":{"shares":700,"cpus":"0-2,4","mems":"0"}}`},
		{"--cpu-rt-period 10 --cpu-rt-runtime 5 --cpu-idle 1", `{"cpu":{"realtimeRuntime":5,"realtimePeriod":10,"idle":1}}`},
		{"--cpu-idle 0", `{"cpu":{"idle":0}}`},
		{"--pids-limit -1", `{"pids":{"limit":-1}}`},
		{"--pids-limit 0", `{"pids":{"limit":0}}`},
		{"--blkio-weight 1000", `{"blockIO":{"weight":1000}}`},
		{"--cpu-share=", `{}`},
	} {
		if got, err := updated(t, "", strings.Fields(c.line)...); got != c.want || err != nil {
			t.Errorf("update %s: %s, %v, want %s", c.line, got, err, c.want)
		}
	}
}

func TestUpdateErrors(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"--memory lots", `invalid value "lots" for --memory: not a size such as 1048576, 64m or 1.5g`},
		{"--cpu-quota x --memory y", `invalid value "y" for --memory: not a size such as 1048576, 64m or 1.5g`},
		{"--cpu-quota 1.5", `invalid value "1.5" for --cpu-quota: invalid syntax`},
		{"--cpu-share -1", `invalid value "-1" for --cpu-share: invalid syntax`},
		{"--blkio-weight 1001", `invalid value "1001" for --blkio-weight: value out of range`},
		{"--blkio-weight 70000", `invalid value "70000" for --blkio-weight: value out of range`},
		{"--pids-limit 99999999999999999999", `invalid value "99999999999999999999" for --pids-limit: value out of range`},
		{"-r /no/such/file", "--resources: open /no/such/file: no such file or directory"},
	} {
		if got, err := updated(t, "", strings.Fields(c.line)...); err == nil || err.Error() != c.want {
			t.Errorf("update %s: %s, error %v, want %s", c.line, got, err, c.want)
		}
	}
}

func TestUpdateFromFile(t *testing.T) {
	const text = `{"memory":{"limit":0,"swap":5},"unified":{"a":"b"}}`
	path := filepath.Join(t.TempDir(), "resources.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"--resources", path}},
		{"", []string{"-r", path, "--memory", "1g"}}, // other flags are ignored
		{text, []string{"--resources=-"}},
		{text + "\n", []string{"--resources", "-"}},
	} {
		if got, err := updated(t, c.stdin, c.args...); got != text || err != nil {
			t.Errorf("update %q: %s, %v, want %s", c.args, got, err, text)
		}
	}
	for _, c := range []struct{ stdin, want string }{
		{`{"memory":`, "standard input:1:"},
		{"{\n\"memory\":{\"limit\":\"1g\"}}", "standard input:2:"},
		{"", "standard input"},
	} {
		if got, err := updated(t, c.stdin, "--resources=-"); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("update with %q: %s, error %v, want %s…", c.stdin, got, err, c.want)
		}
	}
}

// units.RAMInBytes reads sizes for runc.
func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"-1", -1}, {"0", 0}, {"1", 1}, {"32", 32}, {"32b", 32}, {"32B", 32}, {"32k", 32 << 10}, {"32K", 32 << 10},
		{"32kb", 32 << 10}, {"32KiB", 32 << 10}, {"32Mb", 32 << 20}, {"32g", 32 << 30}, {"32Tb", 32 << 40}, {"8P", 8 << 50},
		{"32 k", 32 << 10}, {"32.5k", 33280}, {"1.5g", 3 << 29}, {"0.5", 0}, {"9223372036854775807", 1<<63 - 1}, {"9007199254740993", 9007199254740993},
	} {
		if got, err := parseSize(c.text); got != c.want || err != nil {
			t.Errorf("parseSize(%q) = %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"", "-2", "-1k", "m", "x", "32x", "32kk", "32kbb", "32bk", "32  k", " 32", "1e3", "0x10", "inf", "nan", "1.2.3", ".",
		"9223372036854775808", "9007199254740992k", "8192p", "1e", "32ib", "٣",
	} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestUpdateIntelRdt(t *testing.T) {
	for line, want := range map[string]string{
		"--memory 64m":                                     "null",
		"--l3-cache-schema L3:0=f":                         `{"l3CacheSchema":"L3:0=f"}`,
		"--resources - --mem-bw-schema MB:0=20":            `{"memBwSchema":"MB:0=20"}`,
		"--mem-bw-schema MB:0=20 --l3-cache-schema L3:1=3": `{"l3CacheSchema":"L3:1=3","memBwSchema":"MB:0=20"}`,
	} {
		got, err := json.Marshal(intelRdt(parse(t, append([]string{"update", "ID"}, strings.Fields(line)...)...)))
		if err != nil || string(got) != want {
			t.Errorf("update %s: %s, %v, want %s", line, got, err, want)
		}
	}
}
