package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func TestViewJSON(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	views := []libcontainer.View{
		{},
		{OCIVersion: "1.3.0", ID: "c", Pid: 1234, Status: "running", Bundle: "/b", Rootfs: "/b/rootfs", Created: created, Owner: "#5", Failure: "exec: \"x\""},
		{
			ID: "quoted", Pid: -1, Bundle: "/a\"b\\c\n\t\x01", Created: created.Truncate(time.Second),
			Annotations: map[string]string{"z": "<&>", "a": "", "m\u2028": "ä \xff \U0001f40b"},
		},
	}
	for i := range views {
		want, err := json.MarshalIndent(&views[i], "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), viewJSON(&views[i])); diff != "" {
			t.Error(diff)
		}
	}
	want, err := json.Marshal(views)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want)+"\n", viewsJSON(views)); diff != "" {
		t.Error(diff)
	}
	stopped := libcontainer.View{ID: "c", Status: "stopped", Exit: &libcontainer.Exit{
		ExitStatus: libcontainer.ExitStatus{Code: -1, Signal: 9}, OOMKills: 1, Finished: created,
	}}
	const exit = `"exitCode":137,"signal":9,"oomKilled":true,"oomKills":1,"finished":"2026-01-02T03:04:05.123456789Z"`
	if got := viewsJSON([]libcontainer.View{stopped}); !strings.HasSuffix(got, `"owner":"","exit":{`+exit+"}}]\n") {
		t.Errorf("viewsJSON of a stopped container: %s", got)
	}
	if got, want := exitJSON("c", stopped.Exit), `{"id":"c",`+exit+"}\n"; got != want {
		t.Errorf("exitJSON = %s, want %s", got, want)
	}
	stopped.Exit.OOMKills, stopped.Exit.ExitStatus = -1, libcontainer.ExitStatus{Code: 3}
	if got, want := exitJSON("c", stopped.Exit), `{"id":"c","exitCode":3,"signal":0,"finished":"2026-01-02T03:04:05.123456789Z"}`+"\n"; got != want {
		t.Errorf("exitJSON = %s, want %s", got, want)
	}
	if got := viewsJSON(nil); got != "[]\n" {
		t.Errorf("viewsJSON(nil) = %q", got)
	}
}
