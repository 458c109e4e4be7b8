package cache

// Grow adds a partition.
func (b *Bus) Grow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, busPartition{})
	b.changed()
}

// Recreate empties the topic, as deleting and making it anew does.
func (b *Bus) Recreate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.parts)
	b.changed()
}
