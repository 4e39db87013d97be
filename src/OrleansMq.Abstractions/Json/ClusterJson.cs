using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>The cluster, lists of names, producers, and answers of one number.</summary>
public static class ClusterJson
{
    public static void Write(Utf8JsonWriter writer, ClusterDescription cluster)
    {
        writer.WriteStartObject();
        writer.WriteString("version", cluster.Version);
        writer.WriteList("nodes", cluster.Nodes, (w, node) =>
        {
            w.WriteStartObject();
            w.WriteString("node", node.Node);
            w.WriteStartObject("gateways");
            foreach (var (name, address) in node.Gateways)
                w.WriteString(name, address);
            w.WriteEndObject();
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    public static ClusterDescription Read(JsonSpot spot)
    {
        var cluster = new ClusterDescription("", []);
        foreach (var field in spot.Fields())
        {
            cluster = field.Name switch
            {
                "version" => cluster with { Version = field.Text() },
                "nodes" => cluster with { Nodes = field.Items(int.MaxValue, ReadNode) },
                _ => field.Unknown(cluster),
            };
        }
        return cluster;
    }

    /// <summary><c>{"topics":["…"],"next":"…"}</c>; <c>next</c> is null on the last page.</summary>
    public static void WritePage<T>(Utf8JsonWriter writer, string list, Page<T> page)
    {
        writer.WriteStartObject();
        writer.WriteList(list, page.Items, (w, item) => w.WriteStringValue(item!.ToString()));
        writer.WriteString("next", page.Next);
        writer.WriteEndObject();
    }

    public static Page<T> ReadPage<T>(JsonSpot spot, string list, Func<string, T> item)
    {
        var page = new Page<T>([], null);
        foreach (var field in spot.Fields())
        {
            if (field.Name == list)
                page = page with { Items = field.Items(int.MaxValue, f => item(f.Text())) };
            else if (field.Name == "next")
                page = page with { Next = field.IsNull ? null : field.Text() };
            else
                field.Unknown();
        }
        return page;
    }

    /// <returns>The name, null for a producer that has none.</returns>
    public static string? ReadOpenProducer(JsonSpot spot)
    {
        string? name = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "name")
                name = field.IsNull ? null : field.Text(QueueJson.MaxNameChars);
            else
                field.Unknown();
        }
        return name is "" ? throw spot.Malformed("has an empty name") : name;
    }

    public static void WriteOpenProducer(Utf8JsonWriter writer, string? name)
    {
        writer.WriteStartObject();
        writer.WriteTextUnlessNull("name", name);
        writer.WriteEndObject();
    }

    public static void WriteProducer(Utf8JsonWriter writer, ProducerIdentity producer)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", producer.Id);
        writer.WriteNumber("epoch", producer.Epoch);
        writer.WriteEndObject();
    }

    public static ProducerIdentity ReadProducer(JsonSpot spot)
    {
        long? id = null;
        short? epoch = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "id": id = field.Int64(); break;
                case "epoch": epoch = (short)field.Int32(short.MinValue, short.MaxValue); break;
                default: field.Unknown(); break;
            }
        }
        return new ProducerIdentity(id ?? throw spot.Missing("id"), epoch ?? throw spot.Missing("epoch"));
    }

    /// <summary>For example <c>{"offset":42}</c>.</summary>
    public static void WriteNumber(Utf8JsonWriter writer, string name, long number)
    {
        writer.WriteStartObject();
        writer.WriteNumber(name, number);
        writer.WriteEndObject();
    }

    public static long ReadNumber(JsonSpot spot, string name)
    {
        long? number = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == name)
                number = field.Int64();
            else
                field.Unknown();
        }
        return number ?? throw spot.Missing(name);
    }

    public static bool ReadFlag(JsonSpot spot, string name)
    {
        bool? flag = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == name)
                flag = field.Flag();
            else
                field.Unknown();
        }
        return flag ?? throw spot.Missing(name);
    }

    private static NodeDescription ReadNode(JsonSpot spot)
    {
        var node = new NodeDescription("", new Dictionary<string, string>());
        foreach (var field in spot.Fields())
        {
            node = field.Name switch
            {
                "node" => node with { Node = field.Text() },
                "gateways" => node with { Gateways = field.Fields().ToDictionary(gateway => gateway.Name, gateway => gateway.Text()) },
                _ => field.Unknown(node),
            };
        }
        return node;
    }
}
