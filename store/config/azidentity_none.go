//go:build noazidentity

package config

import "github.com/Azure/azure-sdk-for-go/sdk/azcore"

func (i identity) open(azcore.ClientOptions) (azcore.TokenCredential, error) {
	return nil, unsupported(cosmosBlock+".credential", "%s: this program was built without identities (noazidentity); set it to %s", i.credential, byKey)
}
