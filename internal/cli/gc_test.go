package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func garbage() []libcontainer.Garbage {
	return []libcontainer.Garbage{
		{ID: "web", Kind: libcontainer.GarbageCgroup, Path: "/sys/fs/cgroup/web", Reason: libcontainer.CreateKilled, Removed: true},
		{ID: "a", Kind: libcontainer.GarbageState, Path: "/run/runnel/a\x1b", Reason: libcontainer.HasStopped},
	}
}

func TestGarbageTable(t *testing.T) {
	for _, c := range []struct {
		dryRun bool
		want   string
	}{
		{false, "" +
			"ID    KIND     PATH                 REASON                  RESULT\n" +
			"web   cgroup   /sys/fs/cgroup/web   its create was killed   removed\n" +
			"a     state    /run/runnel/a?       it has stopped          not removed\n"},
		{true, "" +
			"ID    KIND     PATH                 REASON                  RESULT\n" +
			"web   cgroup   /sys/fs/cgroup/web   its create was killed   removed\n" +
			"a     state    /run/runnel/a?       it has stopped          would be removed\n"},
	} {
		var got strings.Builder
		if err := garbageTable(&got, garbage(), c.dryRun); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got.String()); diff != "" {
			t.Error(diff)
		}
	}
}

// The keys are documented in runnel-gc(8).
func TestGarbageJSON(t *testing.T) {
	got, err := json.Marshal(garbage()[:1])
	const want = `[{"id":"web","kind":"cgroup","path":"/sys/fs/cgroup/web","reason":"create-killed","removed":true}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}
