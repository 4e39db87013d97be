namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>What settings belong to; Kafka's numbers.</summary>
internal enum ConfigResource : byte
{
    Topic = 2,
    Broker = 4,
}

/// <summary>DescribeConfigs 0-4: <c>resources [kind i8 | name | settings [name] or null] | (1) synonyms, bool | (3) documentation, bool</c>.</summary>
internal sealed record DescribeConfigsRequest(IReadOnlyList<DescribeConfigsResource> Resources, bool Synonyms)
{
    public static DescribeConfigsRequest Read(ref KafkaReader reader, short version)
    {
        var resources = new DescribeConfigsResource[reader.Count(7)];
        for (var i = 0; i < resources.Length && !reader.Failed; i++)
        {
            var (kind, name) = ((ConfigResource)reader.Byte(), reader.String());
            var count = reader.NullableCount(2);
            string[]? names = count < 0 ? null : new string[count];
            for (var n = 0; n < count; n++)
                names![n] = reader.String();
            reader.Tags();
            resources[i] = new DescribeConfigsResource(kind, name, names);
        }
        var synonyms = version >= 1 && reader.Bool();
        if (version >= 3)
            reader.Bool();
        reader.Tags();
        return new DescribeConfigsRequest(resources, synonyms);
    }
}

/// <param name="Names">Null: all.</param>
internal sealed record DescribeConfigsResource(ConfigResource Kind, string Name, IReadOnlyList<string>? Names);

internal readonly record struct DescribedConfig(string Name, string Value, bool IsDefault, bool IsReadOnly);

internal sealed record ConfigsResult(ConfigResource Kind, string Name, KafkaError Error, string? Message, IReadOnlyList<DescribedConfig> Configs);

internal static class DescribeConfigsResponse
{
    private const byte FromTopic = 1;
    private const byte FromDefault = 5;

    public static void Write(KafkaWriter writer, short version, bool synonyms, IReadOnlyList<ConfigsResult> results)
    {
        writer.Throttle();
        writer.Array(results, (w, result) =>
        {
            w.Error(result.Error);
            w.NullableString(result.Message);
            w.Byte((byte)result.Kind);
            w.String(result.Name);
            w.Array(result.Configs, (c, config) => Write(c, version, synonyms, config));
        });
        writer.Tags();
    }

    private static void Write(KafkaWriter writer, short version, bool synonyms, DescribedConfig config)
    {
        var source = config.IsDefault ? FromDefault : FromTopic;
        writer.String(config.Name);
        writer.NullableString(config.Value);
        writer.Bool(config.IsReadOnly);
        if (version == 0)
            writer.Bool(config.IsDefault);
        else
            writer.Byte(source);
        writer.Bool(false);
        if (version >= 1)
        {
            writer.Count(synonyms ? 1 : 0);
            if (synonyms)
            {
                writer.String(config.Name);
                writer.NullableString(config.Value);
                writer.Byte(source);
                writer.Tags();
            }
        }
        if (version >= 3)
        {
            writer.Byte(0);
            writer.NullableString(null);
        }
    }
}

/// <summary>IncrementalAlterConfigs 0-1: <c>resources [kind i8 | name | settings [name | operation i8 | value]] | only validate, bool</c>.</summary>
internal sealed record AlterConfigsRequest(IReadOnlyList<AlterConfigsResource> Resources, bool ValidateOnly)
{
    public static AlterConfigsRequest Read(ref KafkaReader reader, short version)
    {
        var resources = new AlterConfigsResource[reader.Count(7)];
        for (var i = 0; i < resources.Length && !reader.Failed; i++)
        {
            var (kind, name) = ((ConfigResource)reader.Byte(), reader.String());
            var changes = new ConfigChange[reader.Count(5)];
            for (var c = 0; c < changes.Length && !reader.Failed; c++)
            {
                changes[c] = new ConfigChange(reader.String(), (ConfigOperation)reader.Byte(), reader.NullableString());
                reader.Tags();
            }
            reader.Tags();
            resources[i] = new AlterConfigsResource(kind, name, changes);
        }
        var validateOnly = reader.Bool();
        reader.Tags();
        return new AlterConfigsRequest(resources, validateOnly);
    }
}

internal sealed record AlterConfigsResource(ConfigResource Kind, string Name, IReadOnlyList<ConfigChange> Changes);

internal enum ConfigOperation : byte
{
    Set = 0,
    Delete = 1,
}

internal readonly record struct ConfigChange(string Name, ConfigOperation Operation, string? Value);

internal static class AlterConfigsResponse
{
    public static void Write(KafkaWriter writer, IReadOnlyList<ConfigsResult> results)
    {
        writer.Throttle();
        writer.Array(results, (w, result) =>
        {
            w.Error(result.Error);
            w.NullableString(result.Message);
            w.Byte((byte)result.Kind);
            w.String(result.Name);
        });
        writer.Tags();
    }
}
