namespace OrleansMq.Compression.Tests;

/// <summary>
/// The same 20 records, as other programs packed them. Batches: kafka-python 2.0.2 (with lz4 4.0.2, python-snappy 0.5.3 and zstandard 0.20). Records alone:
/// those libraries themselves, in the ways that other clients use them.
/// </summary>
internal static class Golden
{
    public static byte[] GzipBatch() => Convert.FromBase64String(
        "AAAAAAAAAAAAAAEKAAAAAAJZvcgQAAEAAAATAAABi8/laAAAAAGLz+VoE///////////////////AAAAFB+LCABa8gZrAv+N0l8Hg1AcxvHTkSRJkmSSI+lqo/+1l9M4LbY21ordZ6971O08ftcPH7" +
        "48q8IYM27yc0r79yDF0t1nKZ69GOU0dVcpHvN4kS+RHsW/mfOBL6vCON+MDBoZNlR1M3Jo5NjQNEJLgQ1dJ7SU2DAMQkuFDdMktNTYsCxCS4MN2ya0tNhwHELLGRhfhbnu3jLAj6UY8bw9BiMZRnx/" +
        "r8FIjpHDgZJTYCQIKDklRsKQklNhRAhKTo2RKKLkNBiJY0pOi5EkoeSgx/4AMf3VBFoFAAA=");

    /// <summary>In the framing of snappy-java.</summary>
    public static byte[] SnappyBatch() => Convert.FromBase64String(
        "AAAAAAAAAAAAAAGMAAAAAALHNUyOAAIAAAATAAABi8/laAAAAAGLz+VoE///////////////////AAAAFIJTTkFQUFkAAAAAAQAAAAEAAAFH2gqohAEAAAAKa2V5LTBmdGhlIHZhbHVlIG9mIG1lc3" +
        "NhZ2UgbnVtYmVyIDAsIE4fACQCAmgCdoQBAAICBUQAMXJEAAAxdkQABAQEBUQAMnJEAAAydkQABAYGBUR2zAAAM3ZEAAQICAVEdswAADR2RAAECgoFRHbMAAA1dkQABAwMBUR2zAAANnZEAAQODgVE" +
        "dswAADd2RAAEEBAFRHbMAAA4dkQABBISBUR2zAAAOWpEABCGAQAUFAVEBDFoTokCUagEMTB2RQAEFhYFRQAydkUAbqoCEIYBABgYBUUAMHZFAG6rAhCGAQAaGgVFes8AbqwCEIYBABwcBUV6zwBurQ" +
        "IQhgEAHh4FRXrPAG6uAhCGAQAgIAVFes8Abq8CEIYBACIiBUV6zwBusAIQhgEAJCQFRXrPAG6xAhCGAQAmJgVFes8AbrIC");

    public static byte[] Lz4Batch() => Convert.FromBase64String(
        "AAAAAAAAAAAAAAGuAAAAAAIaEPtGAAMAAAATAAABi8/laAAAAAGLz+VoE///////////////////AAAAFAQiTRhoQFoFAAAAAAAAk2YBAAD/HIQBAAAACmtleS0wZnRoZSB2YWx1ZSBvZiBtZXNzYW" +
        "dlIG51bWJlciAwLCAfAAGhAgJoAnaEAQACAkQAHzFEAAofMUQACyEEBEQAHzJEAAofMkQACyEGBkQAD8wACx8zRAALIQgIRAAPzAALHzREAAshCgpEAA/MAAsfNUQACyEMDEQAD8wACx82RAALIQ4O" +
        "RAAPzAALHzdEAAshEBBEAA/MAAsfOEQACyESEkQAD8wACx85RAAIUYYBABQURAAvMWiJAgEEqAIfMakCCVGGAQAWFkUAHzJFAAsPqgIJUYYBABgYRQAfMEUACw+rAglRhgEAGhpFAA/PAAwPrAIJUY" +
        "YBABwcRQAPzwAMD60CCVGGAQAeHkUAD88ADA+uAglRhgEAICBFAA/PAAwPrwIJUYYBACIiRQAPzwAMD7ACCVGGAQAkJEUAD88ADA+xAglRhgEAJiZFAA/PAAwPsgIEUAICaAJ2AAAAAA==");

    public static byte[] ZstdBatch() => Convert.FromBase64String(
        "AAAAAAAAAAAAAAERAAAAAAL8OW7tAAQAAAATAAABi8/laAAAAAGLz+VoE///////////////////AAAAFCi1L/1gWgS1BgBiSB8gUGXaAZJCG9xwRQ/V/ZmqqgaLNSKDgzrSjPGRj+obmVJcVW0UpU" +
        "1T5o5J0hVFFgRx37fzebivpY7Dfd9+03BfbjLMRpdFe0XJZpJgFEGuPw5rGgalRfEvJfcoSiulB6Yn6uALD14JHQjWzz2E19DQiV4tgDcFAbWAMHOPATQgwDOSMaFIosgmmyiSKLLJJookimyyAVGk" +
        "G8ilrhjGTa9vxVgXj6CsGMbN9UK5V8Aiu0JAkblCQJFdQUCRXSEgkV0hoMhcIaDIriCgyM4VBxHQBN3K");

    /// <summary>One raw block, as librdkafka sends it.</summary>
    public static byte[] RawSnappy() => Convert.FromBase64String(
        "2gqohAEAAAAKa2V5LTBmdGhlIHZhbHVlIG9mIG1lc3NhZ2UgbnVtYmVyIDAsIE4fACQCAmgCdoQBAAICBUQAMXJEAAAxdkQABAQEBUQAMnJEAAAydkQABAYGBUR2zAAAM3ZEAAQICAVEdswAADR2RA" +
        "AECgoFRHbMAAA1dkQABAwMBUR2zAAANnZEAAQODgVEdswAADd2RAAEEBAFRHbMAAA4dkQABBISBUR2zAAAOWpEABCGAQAUFAVEBDFoTokCUagEMTB2RQAEFhYFRQAydkUAbqoCEIYBABgYBUUAMHZF" +
        "AG6rAhCGAQAaGgVFes8AbqwCEIYBABwcBUV6zwBurQIQhgEAHh4FRXrPAG6uAhCGAQAgIAVFes8Abq8CEIYBACIiBUV6zwBusAIQhgEAJCQFRXrPAG6xAhCGAQAmJgVFes8AbrIC");

    /// <summary>A frame that does not say how long it is.</summary>
    public static byte[] StreamedZstd() => Convert.FromBase64String(
        "KLUv/QBYtQYAYkgfIFBl2gGSQhvccEUP1f2ZqqoGizUig4M60ozxkY/qG5lSXFVtFKVNU+aOSdIVRRYEcd+383m4r6WOw33fftNwX24yzEaXRXtFyWaSYBRBrj8OaxoGpUXxLyX3KEorpQemJ+rgCw" +
        "9eCR0I1s89hNfQ0IleLYA3BQG1gDBzjwE0IMAzkjGhSKLIJpsokiiyySaKJIpssgFRpBvIpa4Yxk2vb8VYF4+grBjGzfVCuVfAIrtCQJG5QkCRXUFAkV0hIJFdIaDIXCGgyK4goMjOFQcR0ATdyg==");

    /// <summary>140,000 bytes (order 000; to order 049;, over and over) in blocks of 64 KiB that refer to the ones before, with all checksums and the size.</summary>
    public static byte[] LinkedLz4() => Convert.FromBase64String(
        "BCJNGFxA4CICAAAAAABP2QEAAKRvcmRlciAwMDA7CgAVMQoAFTIKABUzCgAVNAoAFTUKABU2CgAVNwoAFTgKABQ5CgAVMWQAFTFkABUxZAAVMWQAFTFkABUxZAAVMWQAFTFkABUxZAAVMWQAFTJkAB" +
        "UyZAAVMmQAFTJkABUyZAAVMmQAFTJkABUyZAAVMmQAFTJkABUzZAAVM2QAFTNkABUzZAAVM2QAFTNkABUzZAAVM2QAFTNkABUzZAAVNGQAFTRkABU0ZAAVNGQAFTRkABU0ZAAVNGQAFTRkABU0ZAAV" +
        "NGQAD/QB//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
        "//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
        "///////////////////////////////////////////////rUHJkZXIgo1DcgCcBAAAlMDBM/hUwTP4VMEz+FTBM/hUwTP4VMEz+FTBM/g/c//////////////////////////////////////////" +
        "//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
        "//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
        "+hUDA2O29yeQ2TOywAAAAP3P//////////////////////////////////////////////6lAgMDQ5O33VhnsAAAAA/SYsZw==");

    /// <summary>40 bytes that do not compress: a block stored as it is.</summary>
    public static byte[] StoredLz4() => Convert.FromHexString("04224d1868402800000000000000752800008000dd77ccdeaa33777833abdece78df01e079cfe0ae367b7b38afe3d27ee407e580d5e7b43e82833f00000000");

    public static byte[] StoredLz4Opened() => Convert.FromHexString("00dd77ccdeaa33777833abdece78df01e079cfe0ae367b7b38afe3d27ee407e580d5e7b43e82833f");
}
