// FOR TESTS ONLY. The key is public, so it proves nothing and protects nothing: never trust this certificate outside of tests.
// Node cannot make certificates, and a test must need no tool that a machine may lack.

/** Of `hooks.test`, what is below it, `localhost` and `127.0.0.1`, from 2020 to 2120. It signed itself, so it is its own authority. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBozCCAUmgAwIBAgIBATAKBggqhkjOPQQDAjAdMRswGQYDVQQDDBJ3YXliaWxs
IHRlc3RzIG9ubHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMB0x
GzAZBgNVBAMMEndheWJpbGwgdGVzdHMgb25seTBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABAWlhR2VprKn+WCurEOtgKniBO9gVvhxmhdqqwmORtJEXRdnQgGx1Uoa
maZxUYwAdySx4RiKXYmhleewl2+cEhqjeDB2MDQGA1UdEQQtMCuCCmhvb2tzLnRl
c3SCDCouaG9va3MudGVzdIIJbG9jYWxob3N0hwR/AAABMA8GA1UdEwEB/wQFMAMB
Af8wDgYDVR0PAQH/BAQDAgKEMB0GA1UdDgQWBBRHbRcxKSa4yPzh1QJ7ua/rrMYw
szAKBggqhkjOPQQDAgNIADBFAiAXSvbcf/phHy3icUSEA56V35kuHSmryc4d9zai
dvq2WQIhAOkAkcoddr4MlRyz5FqfJADouTGgJ8P3i7b+2GCJ2sLP
-----END CERTIFICATE-----
`;

/** The key of the certificate. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglyYSvsR8fNdF26Nf
lakex3Rge/4odOZQd7sEAiZcvk+hRANCAAQFpYUdlaayp/lgrqxDrYCp4gTvYFb4
cZoXaqsJjkbSRF0XZ0IBsdVKGpmmcVGMAHckseEYil2JoZXnsJdvnBIa
-----END PRIVATE KEY-----
`;
