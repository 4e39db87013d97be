using System.Text;

namespace OrleansMq.Webhooks.Tests;

public sealed class WebhookFileTests
{
    private static WebhookFile Parse(string json) => WebhookFile.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void EveryFieldIsTaken()
    {
        var file = Parse("""
            {
              // for the partner
              "allowHttp": true,
              "networks": ["10.1.0.0/16", "::1/128"],
              "webhooks": [
                {"topic": "orders", "group": "partner", "url": "http://10.1.2.3/x", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "timeoutMs": 2500, "maxInFlight": 4},
                {"topic": "orders", "group": "other", "url": "https://hooks.example.com"},
              ]
            }
            """);

        Assert.True(file.Rules.AllowHttp);
        Assert.Equal(2, file.Rules.Networks.Count);
        var webhook = file.Webhooks[0];
        Assert.Equal(("orders", "partner", "http://10.1.2.3/x", TimeSpan.FromSeconds(2.5), 4, 1), (webhook.Topic.Text, webhook.Group.Text, webhook.Url.ToString(), webhook.Timeout, webhook.MaxInFlight, webhook.Secrets.Count));
        Assert.Equal((TimeSpan.FromSeconds(10), 16, 0), (file.Webhooks[1].Timeout, file.Webhooks[1].MaxInFlight, file.Webhooks[1].Secrets.Count));
        Assert.Empty(Parse("{}").Webhooks);
        Assert.Equal(new WebhookRules(), file.ApiRules);
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "$ should be an object")]
    [InlineData("""{"hooks":[]}""", "$.hooks is no field")]
    [InlineData("""{"allowHttp":true,"allowHttp":false}""", "$.allowHttp stands here twice")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secret":"x"}]}""", "$.webhooks[0].secret is no field")]
    [InlineData("""{"api":{"webhooks":[]}}""", "$.api.webhooks is no field")]
    [InlineData("""{"api":true}""", "$.api should be an object")]
    [InlineData("""{"allowHttp":"yes"}""", "$.allowHttp should be true or false")]
    [InlineData("""{"networks":["10.1.2.3/16x"]}""", "$.networks[0]: it is no network")]
    [InlineData("""{"webhooks":{}}""", "$.webhooks should be an array")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g"}]}""", "$.webhooks[0] lacks the field 'url'")]
    [InlineData("""{"webhooks":[{"topic":"t/","group":"g","url":"https://x.example"}]}""", "$.webhooks[0].topic: 't/'")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"nowhere"}]}""", "$.webhooks[0].url: it is no address")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"ftp://x.example"}]}""", "no https://")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://me:secret@x.example"}]}""", "without user")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"http://x.example"}]}""", "allowHttp")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secrets":["x"]}]}""", "$.webhooks[0].secrets[0]: a secret is")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","timeoutMs":60001}]}""", "$.webhooks[0].timeoutMs is not a whole number from 1 to 60000")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","timeoutMs":1.5}]}""", "$.webhooks[0].timeoutMs")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","maxInFlight":1001}]}""", "$.webhooks[0].maxInFlight")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example"},{"topic":"t","group":"g","url":"https://y.example"}]}""", "twice")]
    public void WhatCanNotBeIsNamed(string json, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatRegisteredWebhooksMayIsSaidByItself()
    {
        var file = Parse("""{"api":{"allowHttp":true,"networks":["10.1.0.0/16"]}}""");

        Assert.Equal(new WebhookRules(), file.Rules);
        Assert.Equal((true, "10.1.0.0/16"), (file.ApiRules.AllowHttp, Assert.Single(file.ApiRules.Networks).ToString()));
    }

    [Fact]
    public void WhatIsNoTextInAnyLanguageIsSaidToo()
    {
        Assert.Throws<FormatException>(() => Parse("""{"webhooks":[{"topic":"\ud800","group":"g","url":"https://x.example"}]}"""));
        Assert.Contains("UTF-8", Assert.Throws<FormatException>(() => WebhookFile.Parse((byte[])[.. "{\"webhooks\":[{\"topic\":\""u8, 0xE4, .. "\",\"group\":\"g\",\"url\":\"https://x.example\"}]}"u8])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ThereIsALimitOfWebhooksOfSecretsAndOfBytes()
    {
        var many = string.Join(",", Enumerable.Range(0, WebhookFile.MaxWebhooks + 1).Select(i => $$"""{"topic":"t","group":"g{{i}}","url":"https://x.example"}"""));
        Assert.Contains("$.webhooks has 1001 items, and 1000 are the limit", Assert.Throws<FormatException>(() => Parse($$"""{"webhooks":[{{many}}]}""")).Message, StringComparison.Ordinal);
        var secrets = string.Join(",", Enumerable.Repeat("\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", Webhook.MaxSecrets + 1));
        Assert.Contains("$.webhooks[0].secrets has 6 items, and 5 are the limit", Assert.Throws<FormatException>(() => Parse($$"""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secrets":[{{secrets}}]}]}""")).Message, StringComparison.Ordinal);
        var networks = string.Join(",", Enumerable.Repeat("\"10.0.0.0/8\"", WebhookFile.MaxNetworks + 1));
        Assert.Contains("$.networks has 1001 items", Assert.Throws<FormatException>(() => Parse($$"""{"networks":[{{networks}}]}""")).Message, StringComparison.Ordinal);
        Assert.Contains("$.webhooks[0].url has", Assert.Throws<FormatException>(() => Parse(
            $$"""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example/{{new string('x', WebhookFile.MaxUrlChars)}}"}]}""")).Message, StringComparison.Ordinal);
        Assert.Contains("is the limit", Assert.Throws<FormatException>(() => WebhookFile.Parse(new byte[WebhookFile.MaxBytes + 1])).Message, StringComparison.Ordinal);
    }
}
