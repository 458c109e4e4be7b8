package view

// AnnotationOr opens annotationOr to the rows DH-11 and DH-12.
func AnnotationOr[T any](annotations []byte, key string, def T, f func(value []byte) T) T {
	return annotationOr(annotations, key, def, f)
}
