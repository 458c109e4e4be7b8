module github.com/whiskstore/whiskstore/integration

go 1.26

require github.com/whiskstore/whiskstore v0.0.0

replace github.com/whiskstore/whiskstore => ../
