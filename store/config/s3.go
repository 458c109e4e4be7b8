package config

import "github.com/whiskstore/whiskstore/store/entity"

// S3 is whisk.s3: attachments in a bucket.
type S3 struct {
	Bucket     string      `config:"bucket" doc:"The bucket. Required."`
	Prefix     string      `config:"prefix" doc:"What every object's key begins with, before a slash."`
	CloudFront CloudFront  `config:"cloud-front-config"`
	Connectors S3Connector `config:"pekko-connectors"`
}

// CloudFront is whisk.s3.cloud-front-config: reads through a distribution.
type CloudFront struct {
	DomainName string        `config:"domain-name" doc:"The distribution's host. Unset reads from the bucket."`
	KeyPairID  string        `config:"key-pair-id" doc:"The id of the signing key. Required with domain-name."`
	PrivateKey entity.Secret `config:"private-key" doc:"The signing key, the text of a PEM file. Required with domain-name."`
	Timeout    Duration      `config:"timeout" default:"10 m" doc:"How long a signed URL is valid."`
}

// S3Connector is whisk.s3.pekko-connectors: how the bucket is reached.
type S3Connector struct {
	Credentials     S3Credentials `config:"aws.credentials"`
	Region          S3Region      `config:"aws.region"`
	PathStyleAccess bool          `config:"path-style-access" default:"true" doc:"Whether the bucket is in the path of URLs, not in the host."`
	EndpointURL     URL           `config:"endpoint-url" doc:"Another endpoint than Amazon's."`
	RetrySettings   S3Retry       `config:"retry-settings"`

	Buffer            string `config:"buffer" default:"memory" oneof:"memory disk" idle:"parts are buffered in memory, within a bound"`
	DiskBufferPath    string `config:"disk-buffer-path" idle:"parts are buffered in memory, within a bound"`
	ProxyHost         string `config:"proxy.host" idle:"the proxy is taken from HTTPS_PROXY and NO_PROXY"`
	ProxyPort         int    `config:"proxy.port" default:"8000" idle:"the proxy is taken from HTTPS_PROXY and NO_PROXY"`
	ProxySecure       bool   `config:"proxy.secure" default:"true" idle:"the proxy is taken from HTTPS_PROXY and NO_PROXY"`
	ListBucketVersion int    `config:"list-bucket-api-version" default:"2" idle:"objects are listed with version 2"`
	ValidateObjectKey bool   `config:"validate-object-key" default:"true" idle:"keys are always encoded"`
	SignAnonymous     bool   `config:"sign-anonymous-requests" default:"true" idle:"anonymous requests are never signed"`
}

// S3Credentials is whisk.s3.pekko-connectors.aws.credentials.
type S3Credentials struct {
	Provider        string        `config:"provider" default:"default" oneof:"default static anon" doc:"default (what the AWS SDK finds), static or anon."`
	AccessKeyID     string        `config:"access-key-id" doc:"Required with static."`
	SecretAccessKey entity.Secret `config:"secret-access-key" doc:"Required with static."`
	Token           entity.Secret `config:"token" doc:"A session's token, with static."`
}

// S3Region is whisk.s3.pekko-connectors.aws.region.
type S3Region struct {
	Provider string `config:"provider" default:"default" oneof:"default static" doc:"default (what the AWS SDK finds) or static."`
	Default  string `config:"default-region" doc:"The region. Required with static."`
}

// S3Retry is whisk.s3.pekko-connectors.retry-settings.
type S3Retry struct {
	MaxRetries   int      `config:"max-retries" default:"3" min:"0" doc:"How often a request is repeated after a passing failure."`
	MinBackoff   Duration `config:"min-backoff" default:"200 ms" doc:"The pause before the first repetition."`
	MaxBackoff   Duration `config:"max-backoff" default:"10 s" doc:"The longest pause."`
	RandomFactor string   `config:"random-factor" default:"0.0" idle:"pauses are always drawn at random"`
}
