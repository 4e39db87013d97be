namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>CreateTopics 0-7: <c>topics [name | partitions i32 | replicas i16 | assignments [partition i32 | nodes [i32]] | configs [name | value]] | timeout i32 | (1) only validate, bool</c>.</summary>
internal sealed record CreateTopicsRequest(IReadOnlyList<NewTopic> Topics, bool ValidateOnly)
{
    public static CreateTopicsRequest Read(ref KafkaReader reader, short version)
    {
        var topics = new NewTopic[reader.Count(16)];
        for (var i = 0; i < topics.Length && !reader.Failed; i++)
        {
            var (name, partitions, replicas) = (reader.String(), reader.Int32(), reader.Int16());
            var assigned = new int[reader.Count(8)];
            for (var a = 0; a < assigned.Length && !reader.Failed; a++)
            {
                reader.Int32();
                assigned[a] = reader.Int32Array().Length;
                reader.Tags();
            }
            topics[i] = new NewTopic(name, partitions, replicas, assigned, ConfigEntry.ReadAll(ref reader));
            reader.Tags();
        }
        reader.Int32();
        var validateOnly = version >= 1 && reader.Bool();
        reader.Tags();
        return new CreateTopicsRequest(topics, validateOnly);
    }
}

/// <param name="Assigned">For each partition that was assigned by hand, how many nodes; then the two numbers before are -1.</param>
internal sealed record NewTopic(string Name, int Partitions, short Replicas, IReadOnlyList<int> Assigned, IReadOnlyList<ConfigEntry> Configs);

/// <summary>One setting under Kafka's name.</summary>
internal readonly record struct ConfigEntry(string Name, string? Value)
{
    public static IReadOnlyList<ConfigEntry> ReadAll(ref KafkaReader reader)
    {
        var configs = new ConfigEntry[reader.Count(4)];
        for (var i = 0; i < configs.Length && !reader.Failed; i++)
        {
            configs[i] = new ConfigEntry(reader.String(), reader.NullableString());
            reader.Tags();
        }
        return configs;
    }
}

/// <summary>What became of one topic.</summary>
internal readonly record struct NamedResult(string Name, KafkaError Error, string? Message = null, Guid Id = default);

internal readonly record struct CreatedTopic(NamedResult Result, int Partitions, Guid Id = default);

internal static class CreateTopicsResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<CreatedTopic> results)
    {
        if (version >= 2)
            writer.Throttle();
        writer.Array(results, (w, created) =>
        {
            var ok = created.Result.Error == KafkaError.None;
            w.String(created.Result.Name);
            if (version >= 7)
                w.Id(created.Id);
            w.Error(created.Result.Error);
            if (version >= 1)
                w.NullableString(created.Result.Message);
            if (version < 5)
                return;
            w.Int32(ok ? created.Partitions : -1);
            w.Int16(ok ? (short)1 : (short)-1);
            // What they were set to is asked with DescribeConfigs.
            w.Count(0);
        });
        writer.Tags();
    }
}
