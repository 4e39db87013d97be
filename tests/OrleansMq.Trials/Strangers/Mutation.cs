namespace OrleansMq.Trials.Strangers;

/// <summary>Damage by a seed: bytes changed, put in, taken away and said twice, up to three times.</summary>
internal static class Mutation
{
    public static byte[] Of(byte[] good, Random random)
    {
        var bytes = new List<byte>(good);
        for (var times = random.Next(1, 4); times > 0 && bytes.Count > 1; times--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes.Insert(at, (byte)random.Next(256)); break;
                case 3: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                default: bytes.InsertRange(at, bytes.GetRange(0, random.Next(1, Math.Min(bytes.Count, 30)))); break;
            }
        }
        return [.. bytes];
    }
}
