package forwardtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Fill sets every exported field of the struct that v points to, at any depth,
// to a value that is not its zero value: durations to whole seconds, raw JSON to
// an object, strings to their path.
func Fill(v any) {
	fill(reflect.ValueOf(v).Elem(), reflect.TypeOf(v).Elem().Name())
}

func fill(v reflect.Value, path string) {
	switch v.Interface().(type) {
	case time.Duration:
		v.SetInt(int64(90 * time.Second))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1700000000, 0).UTC()))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"path":"` + path + `"}`)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.String:
		v.SetString(path)
		if strings.HasSuffix(path, ".Table") {
			v.SetString("whisks.v2.1.0/actions")
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(path))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, v.Type().NumOut())
			for i := range out {
				out[i] = reflect.Zero(v.Type().Out(i))
			}
			return out
		}))
	default:
		panic(fmt.Sprintf("%s: cannot fill a %s", path, v.Type()))
	}
}

// Differences returns how got differs from want, field by field, "" when it does
// not. Functions are equal when they are the same code.
func Differences(got, want any) string {
	var diff []string
	compare(reflect.ValueOf(got), reflect.ValueOf(want), "", &diff)
	return strings.Join(diff, "; ")
}

func compare(got, want reflect.Value, path string, diff *[]string) {
	if !got.IsValid() || !want.IsValid() {
		if got.IsValid() != want.IsValid() {
			*diff = append(*diff, fmt.Sprintf("%s: got %v, want %v", path, got, want))
		}
		return
	}
	switch got.Kind() {
	case reflect.Pointer:
		if got.IsNil() || want.IsNil() {
			if got.IsNil() != want.IsNil() {
				*diff = append(*diff, fmt.Sprintf("%s: got %v, want %v", path, got, want))
			}
			return
		}
		compare(got.Elem(), want.Elem(), path, diff)
	case reflect.Struct:
		if _, ok := got.Interface().(time.Time); ok {
			break
		}
		for i := range got.NumField() {
			compare(got.Field(i), want.Field(i), path+"."+got.Type().Field(i).Name, diff)
		}
		return
	case reflect.Func:
		if got.Pointer() != want.Pointer() {
			*diff = append(*diff, path+": another function")
		}
		return
	}
	if got.Kind() != reflect.Pointer && !reflect.DeepEqual(got.Interface(), want.Interface()) {
		*diff = append(*diff, fmt.Sprintf("%s: got %v, want %v", path, got, want))
	}
}
