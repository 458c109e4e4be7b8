package cosmos

// Place returns where a document lies in the key space that the ranges of the
// feed divide: a range holds it whose Min is not above it and whose Max is above
// it, however often ranges have been split. An id that no item can have has none.
func (s *Store) Place(id string) string {
	escaped, err := escapeID(id)
	if err != nil {
		return ""
	}
	return hashKey(escaped, s.here().keyVersion)
}
