package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Invariant 6: whatever comes, the answer is a 4xx problem and never a defect. */
final class GarbageTest {
  private static final long SEED = 8555;
  private static final List<String> TOKENS =
      List.of(
          "{",
          "}",
          "[",
          "]",
          "\"",
          ":",
          ",",
          "null",
          "true",
          "1e999",
          "-0",
          "\\u0000",
          "\\ud800",
          "{\"a\":",
          "[[[[[[[[[[[[[[[[[[[[[[[[",
          "99999999999999999999999999",
          "\u00e9",
          "=");

  private static String mutated(String text, Random random) {
    StringBuilder mutant = new StringBuilder(text);
    for (int change = 0; change <= random.nextInt(3); change++) {
      int at = random.nextInt(mutant.length() + 1);
      switch (random.nextInt(5)) {
        case 0 -> mutant.insert(at, TOKENS.get(random.nextInt(TOKENS.size())));
        case 1 -> mutant.delete(at, Math.min(mutant.length(), at + 1 + random.nextInt(8)));
        case 2 -> mutant.insert(at, (char) random.nextInt(0x180));
        case 3 -> mutant.setLength(at);
        default -> {
          int from = random.nextInt(mutant.length() + 1);
          String piece = mutant.substring(from, Math.min(mutant.length(), from + 20));
          mutant.insert(at, piece);
        }
      }
    }
    return mutant.toString();
  }

  private static String header(AcmeClient client, String url, String nonce) {
    return AcmeClient.object()
        .put("alg", "ES256")
        .put("nonce", nonce)
        .put("url", url)
        .set("jwk", client.jwk())
        .toString();
  }

  @Test
  @DisplayName("seeded mutations of JWS, headers, keys and payloads: parsed or refused")
  void parsers() {
    Random random = new Random(SEED);
    AcmeClient client = new AcmeClient(java.net.URI.create("http://localhost"));
    String header = header(client, "http://localhost/x", "nonce");
    String payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}";
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      String body =
          switch (random.nextInt(3)) {
            case 0 -> mutated(client.jws(header, payload).toString(), random);
            case 1 ->
                AcmeClient.object()
                    .put("protected", AcmeClient.base64(mutated(header, random)))
                    .put("payload", AcmeClient.base64(payload))
                    .put("signature", "AAAA")
                    .toString();
            default ->
                AcmeClient.object()
                    .put("protected", AcmeClient.base64(header))
                    .put("payload", AcmeClient.base64(mutated(payload, random)))
                    .put("signature", "AAAA")
                    .toString();
          };
      try {
        Jws jws = Jws.parse(body.getBytes(StandardCharsets.UTF_8));
        if (jws.signer() instanceof Jws.Signer.Key signer) {
          AccountKey key = signer.key();
          jws.requireSignedBy(key);
        }
        Payload.parse(jws.payload()).orElseThrow().objects("identifiers");
      } catch (AcmeProblem e) {
        assertThat(e.problem().error().status()).isBetween(400, 499);
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(10_000);
  }

  @Test
  @DisplayName("the same over a socket, rightly signed: a 4xx problem, never a 500")
  void overSocket(@TempDir Path folder) {
    Random random = new Random(SEED);
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      AcmeClient.Answer order = client.newOrder("localhost").expect(201);
      List<String> payloads =
          List.of(
              "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
                  + "\"notAfter\":\"%s\"}"
                      .formatted(
                          Instant.now().plus(30, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS)),
              "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
                  + "\"profile\":\"short-lived\",\"replaces\":\"-wECAwQFBgc.AZ4\"}",
              "{\"contact\":[\"mailto:a@example.com\"]}",
              "{\"csr\":\""
                  + AcmeClient.base64(AcmeClient.csr(TestAuthority.generate(), "", "localhost"))
                  + "\"}",
              "{\"certificate\":\"MAA\",\"reason\":1}",
              "{\"protected\":\"e30\",\"payload\":\"e30\",\"signature\":\"AAAA\"}");
      List<String> urls =
          List.of(
              client.url("new-order"),
              client.url("new-order"),
              client.account(),
              order.text("finalize"),
              client.url("revoke-cert"),
              client.url("key-change"));
      for (int i = 0; i < 400; i++) {
        int which = random.nextInt(urls.size());
        String payload = mutated(payloads.get(which), random);
        AcmeClient.Answer answer =
            random.nextInt(4) == 0
                ? client.send(urls.get(which), AcmeClient.JOSE, payload)
                : client.post(urls.get(which), payload);
        if (answer.status() >= 300) {
          assertThat(answer.status()).as(payload + " -> " + answer.body()).isBetween(400, 499);
          assertThat(answer.error()).isNotEmpty();
          assertThat(answer.header("Replay-Nonce")).isNotEmpty();
        }
        assertThat(answer.body()).doesNotContain("Exception", "dev.chancery", "select ");
      }
      client.read(client.account()).expect(200);
    }
  }
}
