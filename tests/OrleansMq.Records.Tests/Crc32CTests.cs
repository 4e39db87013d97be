using System.Text;

namespace OrleansMq.Records.Tests;

public class Crc32CTests
{
    public static TheoryData<string, uint> KnownAnswers => new()
    {
        { "", 0 },
        { Convert.ToHexString(Encoding.ASCII.GetBytes("123456789")), 0xE3069283 },
        // RFC 3720, appendix B.4: zeros, ones, rising, falling.
        { new string('0', 64), 0x8A9136AA },
        { new string('F', 64), 0x62A8AB43 },
        { Convert.ToHexString(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()), 0x46DD794E },
        { Convert.ToHexString(Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray()), 0x113FDB5C },
    };

    [Theory]
    [MemberData(nameof(KnownAnswers))]
    public void KnownBytesHaveTheirPublishedCrc(string hex, uint crc) => Assert.Equal(crc, Crc32C.Compute(Convert.FromHexString(hex)));

    [Fact]
    public void EveryLengthAgreesWithTheDefinitionBitByBit()
    {
        byte[] bytes = new byte[2 * 3 * 2048 + 3 * 256 + 50];
        new Random(1).NextBytes(bytes);
        uint expected = ~0u;
        for (int length = 0; length < bytes.Length; length++)
        {
            // Around each border between the ways of taking it, and often enough elsewhere.
            if (length % 256 < 17 || length % 97 == 0)
                Assert.Equal(~expected, Crc32C.Compute(bytes.AsSpan(0, length)));
            expected = OneMoreByte(expected, bytes[length]);
        }
    }

    [Fact]
    public void CrcOfAWholeIsThatOfItsPartsAppended()
    {
        byte[] bytes = new byte[20_000];
        var random = new Random(2);
        random.NextBytes(bytes);
        uint whole = Crc32C.Compute(bytes);
        for (int round = 0; round < 200; round++)
        {
            int cut = random.Next(bytes.Length + 1);
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
        }
    }

    private static uint OneMoreByte(uint state, byte next)
    {
        state ^= next;
        for (int bit = 0; bit < 8; bit++)
            state = (state >> 1) ^ ((state & 1) * 0x82F63B78);
        return state;
    }
}
