package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// schema reads the JSON schema of the specification, a directory of files that refer to
// each other.
type schema struct {
	dir   string
	files map[string]map[string]any
}

// node is an object of the schema, and the file that its references are relative to.
type node struct {
	file string
	keys map[string]any
}

func (s *schema) load(file string) (map[string]any, error) {
	if keys := s.files[file]; keys != nil {
		return keys, nil
	}
	text, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		return nil, err
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if s.files == nil {
		s.files = map[string]map[string]any{}
	}
	s.files[file] = keys
	return keys, nil
}

// parts returns what a node consists of: itself, or what it refers to, and all that
// it combines.
func (s *schema) parts(n node) ([]node, error) {
	list := []node{n}
	if ref, ok := n.keys["$ref"].(string); ok {
		file, path, _ := strings.Cut(ref, "#")
		if file == "" {
			file = n.file
		}
		keys, err := s.load(file)
		if err != nil {
			return nil, err
		}
		for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
			if keys, ok = keys[part].(map[string]any); !ok {
				return nil, fmt.Errorf("%s refers to %s, which isn't there", n.file, ref)
			}
		}
		return s.parts(node{file, keys})
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		combined, _ := n.keys[word].([]any)
		for _, c := range combined {
			keys, ok := c.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s: %s holds what isn't an object", n.file, word)
			}
			more, err := s.parts(node{n.file, keys})
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		}
	}
	return list, nil
}

// require collects the required properties of t and of what is in it.
func (g *generator) require(t reflect.Type) error {
	keys, err := g.schema.load("config-schema.json")
	if err != nil {
		return err
	}
	return g.walk(t, node{"config-schema.json", keys})
}

// walk goes through a type and the node that describes it at the same time.
func (g *generator) walk(t reflect.Type, n node) error {
	parts, err := g.schema.parts(n)
	if err != nil {
		return err
	}
	for _, part := range parts {
		switch t.Kind() {
		case reflect.Pointer:
			err = g.walk(t.Elem(), part)
		case reflect.Slice:
			err = g.walkInto(t.Elem(), part, "items")
		case reflect.Map:
			err = g.walkElements(t.Elem(), part)
		case reflect.Struct:
			err = g.walkObject(t, part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) walkInto(t reflect.Type, n node, key string) error {
	keys, ok := n.keys[key].(map[string]any)
	if !ok {
		return nil
	}
	return g.walk(t, node{n.file, keys})
}

// walkElements is for objects whose keys are data.
func (g *generator) walkElements(t reflect.Type, n node) error {
	patterns, _ := n.keys["patternProperties"].(map[string]any)
	for pattern := range patterns {
		if err := g.walkInto(t, node{n.file, patterns}, pattern); err != nil {
			return err
		}
	}
	return g.walkInto(t, n, "additionalProperties")
}

func (g *generator) walkObject(t reflect.Type, n node) error {
	list, _ := n.keys["required"].([]any)
	for _, name := range list {
		if name, ok := name.(string); ok && !slices.Contains(g.required[t], name) {
			g.required[t] = append(g.required[t], name)
		}
	}
	keys, _ := n.keys["properties"].(map[string]any)
	for _, f := range fields(t) {
		if !f.isRead() {
			continue
		}
		if err := g.walkInto(f.of, node{n.file, keys}, f.name); err != nil {
			return err
		}
	}
	return nil
}
