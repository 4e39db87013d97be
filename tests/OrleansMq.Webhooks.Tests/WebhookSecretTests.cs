using System.Text;

namespace OrleansMq.Webhooks.Tests;

public sealed class WebhookSecretTests
{
    // The example of the Standard Webhooks libraries' own tests.
    private const string Example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public void ItSignsAsStandardWebhooksDoes() => Assert.Equal(
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        WebhookSecret.Parse(Example).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, Encoding.UTF8.GetBytes("""{"test": 2432232314}""")));

    [Theory]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_")]
    [InlineData("whsec_not base64!")]
    [InlineData("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")]
    public void WhatIsNoSecretIsRefusedAndNotRepeated(string text) =>
        Assert.DoesNotContain(text.Length > 6 ? text[6..] : "?", Assert.Throws<FormatException>(() => WebhookSecret.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void ASecretHasAtMost64Bytes()
    {
        WebhookSecret.Parse("whsec_" + Convert.ToBase64String(new byte[64]));
        Assert.Throws<FormatException>(() => WebhookSecret.Parse("whsec_" + Convert.ToBase64String(new byte[65])));
    }

    [Fact]
    public void ItIsNeverPrinted()
    {
        var webhook = new Webhook { Topic = "t", Group = "g", Url = new("https://x.example"), Secrets = [WebhookSecret.Parse(Example)] };

        Assert.DoesNotContain("MfKQ9r8G", $"{webhook} {webhook.Secrets[0]}", StringComparison.Ordinal);
        Assert.Equal(webhook, webhook with { Secrets = [WebhookSecret.Parse(Example)] });
        Assert.NotEqual(webhook, webhook with { Secrets = [] });
    }
}
