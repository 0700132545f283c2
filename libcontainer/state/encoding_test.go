package state

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/cgroups"
)

// fill sets each field of v to a value of its own, so that a field that isn't stored,
// or is confused with another, is found.
func fill(t *testing.T, v reflect.Value, next *int) {
	t.Helper()
	*next++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, *next, time.UTC)))
		return
	case v.CanInt():
		v.SetInt(int64(*next))
		return
	case v.CanUint():
		v.SetUint(uint64(*next))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text \"%d\"\n<ä>", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), next)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), next)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, next)
			fill(t, value, next)
			v.SetMapIndex(key, value)
		}
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

func TestStateFile(t *testing.T) {
	full := new(State)
	next := 0
	fill(t, reflect.ValueOf(full).Elem(), &next)
	for name, s := range map[string]*State{"full": full, "empty": {}} {
		content := s.encode()
		if !json.Valid(content) {
			t.Errorf("%s: not JSON: %s", name, content)
		}
		got, err := decodeState(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// With all flags true, two of them could be confused.
	for i := range reflect.TypeFor[State]().NumField() {
		s := new(State)
		field := reflect.ValueOf(s).Elem().Field(i)
		if field.Kind() != reflect.Bool {
			continue
		}
		field.SetBool(true)
		if got, err := decodeState(s.encode()); err != nil || !cmp.Equal(s, got) {
			t.Errorf("%s alone: %v, %s", reflect.TypeFor[State]().Field(i).Name, err, cmp.Diff(s, got))
		}
	}
}

// TestStateFileText fixes the names in the file: a newer runnel must find the
// containers of an older one.
func TestStateFileText(t *testing.T) {
	s := &State{
		ID: "c", Pid: 7, StartTime: 8, PidfdInode: 9, Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Bundle: "/b", Rootfs: "/b/r", OwnerUID: 10, Annotations: map[string]string{"k": "v"}, OCIVersion: "1.3.0",
		Cgroup: &cgroups.Location{
			Mode: cgroups.Hybrid, Driver: cgroups.Cgroupfs, Paths: map[string]string{"cpu": "/c/x"},
			Mounts: map[string]string{"cpu": "/c"}, Existing: []string{"/c/x"}, Parents: []string{"/c/y"},
			Unit: &cgroups.Unit{ID: "c", Slice: "s", Name: "n", User: true, Properties: map[string]string{"P": "1"}},
		},
		IntelRdt: &Rdt{Group: "g", Own: true, Monitor: "m"}, HasProcess: true, HasHooks: true, HostPidNS: true,
		Notify: true, UnderRootfs: 11,
	}
	want := `{"version":1,"id":"c","pid":7,"startTime":8,"pidfdInode":9,"created":"2026-01-02T03:04:05.000000006Z",` +
		`"bundle":"/b","rootfs":"/b/r","cgroup":{"mode":2,"driver":"cgroupfs","paths":{"cpu":"/c/x"},"mounts":{"cpu":"/c"},` +
		`"existing":["/c/x"],"parents":["/c/y"],"unit":{"id":"c","slice":"s","name":"n","user":true,"properties":{"P":"1"}}},` +
		`"intelRdt":{"group":"g","own":true,"monitor":"m"},"ownerUid":10,"annotations":{"k":"v"},"ociVersion":"1.3.0",` +
		`"hasProcess":true,"hasHooks":true,"hostPidNamespace":true,"notify":true,"underRootfs":11}`
	if diff := cmp.Diff(want, string(s.encode())); diff != "" {
		t.Error(diff)
	}
}

func TestStateFileErrors(t *testing.T) {
	valid := string((&State{}).encode())
	for content, want := range map[string]string{
		"":                   "state.json:1:1: the file is empty",
		"{":                  "state.json:1:2: ",
		"[]":                 "state.json:1:1: expected an object",
		"{}":                 "version 0, this runnel knows 1",
		"{\n\"pid\": \"x\"}": "state.json:2:8: pid: ",
		strings.Replace(valid, `"version":1`, `"version":7`, 1):  "version 7, this runnel knows 1",
		strings.Replace(valid, `"created":"`, `"created":"x`, 1): "state.json: created: ",
	} {
		if _, err := decodeState([]byte(content)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("decodeState(%s) = %v, want %s…", content, err, want)
		}
	}
	if _, err := decodeState([]byte(strings.Replace(valid, "{", `{"new":[{"x":1}],`, 1))); err != nil {
		t.Errorf("with an unknown member: %v", err)
	}
}
