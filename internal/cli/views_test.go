package cli

import (
	"encoding/json"
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
	if got := viewsJSON(nil); got != "[]\n" {
		t.Errorf("viewsJSON(nil) = %q", got)
	}
}
