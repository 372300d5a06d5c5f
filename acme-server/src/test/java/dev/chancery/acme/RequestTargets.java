package dev.chancery.acme;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.JwsTest.Signing;
import dev.chancery.core.Refused;
import dev.chancery.testing.JsonMutation;
import dev.chancery.testing.Mutation;
import java.net.URI;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;

/** Requests, from their octets to what they ask for (RFC 8555 sections 6.2, 7.3 to 7.6). */
final class RequestTargets {
  /** Each alg with a key of its kind; the more it costs, the rarer it is. */
  private static final List<AcmeClient> CLIENTS =
      Stream.of(
              Signing.ES256,
              Signing.ES256,
              Signing.ES256,
              Signing.EdDSA,
              Signing.EdDSA,
              Signing.ES384,
              Signing.ES512)
          .map(RequestTargets::client)
          .toList();

  private static final AcmeClient RSA = client(Signing.RS256);
  private static final int RSA_RARELY = 100;

  /** A payload of each request, right but for what it is about. */
  static final List<String> PAYLOADS =
      List.of(
          """
          {"identifiers":[{"type":"dns","value":"a.example"},{"type":"ip","value":"192.0.2.7"},
          {"type":"ip","value":"2001:db8::1"},{"type":"dns","value":"*.b.example"}],
          "profile":"short-lived"}\
          """,
          """
          {"identifiers":[{"type":"dns","value":"a.example"}],
          "notBefore":"2026-12-01T00:00:00Z","notAfter":"2026-12-31T00:00:00.5+01:00",
          "replaces":"-wECAwQFBgc.AZ4"}\
          """,
          """
          {"identifier":{"type":"dns","value":"a.example"}}\
          """,
          """
          {"contact":["mailto:admin@example.com","mailto:b+c@a.example"],
          "termsOfServiceAgreed":true,"onlyReturnExisting":false,"status":"deactivated"}\
          """,
          """
          {"csr":"MAA","certificate":"MIIB","reason":1,"status":"deactivated"}\
          """,
          """
          {"account":"http://localhost/acme/default/account/AAAAAAAAAAAAAAAAAAAAAA",
          "oldKey":{"kty":"OKP","crv":"Ed25519",
          "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}\
          """);

  private RequestTargets() {}

  private static AcmeClient client(Signing signing) {
    return new AcmeClient(
        URI.create("http://localhost"), AcmeEndpoint.DEFAULT, signing.generate(), signing.name());
  }

  private static AcmeClient client(Mutation mutation) {
    return mutation.oneIn(RSA_RARELY) ? RSA : mutation.one(CLIENTS);
  }

  private static ObjectNode object(String json) {
    return (ObjectNode) AcmeClient.parse(json);
  }

  /** A whole request: frame, header, key, signature, payload. */
  static final class SignedRequest implements FuzzTarget {
    // Whoever signs what was changed gets further, and costs more than all the reading.
    private static final int SIGNED = 40;

    @Override
    public byte[] mutant(Mutation mutation) {
      AcmeClient client = client(mutation);
      JsonMutation json = new JsonMutation(mutation);
      ObjectNode header =
          AcmeClient.object()
              .put("alg", client.algorithm)
              .put("nonce", "bm9uY2U")
              .put("url", "http://localhost/acme/default/new-order");
      if (mutation.oneIn(2)) {
        header.set("jwk", client.jwk());
      } else {
        header.put("kid", "http://localhost/acme/default/account/AAAAAAAAAAAAAAAAAAAAAA");
      }
      String payload = mutation.one(PAYLOADS);
      ObjectNode changed = mutation.oneIn(3) ? header : json.of(header);
      ObjectNode jws =
          mutation.oneIn(SIGNED)
              ? client.jws(json.written(changed), payload)
              : AcmeClient.object()
                  .put("protected", AcmeClient.base64(json.written(changed)))
                  .put("payload", AcmeClient.base64(payload))
                  .put(
                      "signature", AcmeClient.base64(mutation.noise(mutation.oneIn(3) ? 132 : 64)));
      ObjectNode sent = mutation.oneIn(2) ? jws : json.of(jws);
      byte[] octets = json.written(sent).getBytes(UTF_8);
      return mutation.oneIn(4) ? mutation.octets(octets) : octets;
    }

    @Override
    public void read(byte[] mutant) throws AcmeProblem {
      Jws jws = Jws.parse(mutant);
      switch (jws.signer()) {
        case Jws.Signer.Key signer -> jws.requireSignedBy(signer.key());
        case Jws.Signer.Account account ->
            jws.requireSignedBy(AccountKey.parse(object(CLIENTS.getFirst().jwk().toString())));
      }
      Payload.parse(jws.payload());
    }
  }

  /** Keys (RFC 7517), their numbers included. */
  static final class Key implements FuzzTarget {
    private static final List<String> NUMBERS = List.of("x", "y", "n", "e");

    @Override
    public byte[] mutant(Mutation mutation) {
      JsonMutation json = new JsonMutation(mutation);
      ObjectNode key = (ObjectNode) client(mutation).jwk();
      String number = mutation.one(NUMBERS);
      if (key.has(number) && mutation.oneIn(2)) {
        byte[] octets = Base64.getUrlDecoder().decode(key.get(number).textValue());
        key.put(number, AcmeClient.base64(mutation.octets(octets)));
      } else {
        key = json.of(key);
      }
      byte[] octets = json.written(key).getBytes(UTF_8);
      return mutation.oneIn(8) ? mutation.octets(octets) : octets;
    }

    @Override
    public void read(byte[] mutant) throws AcmeProblem {
      AccountKey key = AccountKey.parse(Json.read(mutant, "the key"));
      require(stored(key).equals(key), "is stored as another key");
      require(key.thumbprint().length == 32, "has no thumbprint");
    }

    private static AccountKey stored(AccountKey key) {
      try {
        return AccountKey.stored(key.encoded().bytes());
      } catch (Refused e) {
        throw new AssertionError("a key that was taken is refused when it is read again", e);
      }
    }
  }

  /** The member that binds an account (RFC 8555 section 7.3.4). */
  static final class Binding implements FuzzTarget {
    @Override
    public byte[] mutant(Mutation mutation) {
      JsonMutation json = new JsonMutation(mutation);
      ObjectNode header =
          AcmeClient.object()
              .put("alg", mutation.one(List.of("HS256", "HS384", "HS512", "none")))
              .put("kid", "AAAAAAAAAAAAAAAAAAAAAA")
              .put("url", "http://localhost/acme/default/new-account");
      ObjectNode binding =
          AcmeClient.object()
              .put(
                  "protected",
                  AcmeClient.base64(json.written(mutation.oneIn(3) ? header : json.of(header))))
              .put("payload", AcmeClient.base64(CLIENTS.getFirst().jwk().toString()))
              .put("signature", AcmeClient.base64(mutation.noise(32)));
      return json.written(mutation.oneIn(3) ? binding : json.of(binding)).getBytes(UTF_8);
    }

    @Override
    public void read(byte[] mutant) throws AcmeProblem {
      String shown = ExternalAccountBinding.parse(Json.read(mutant, "the binding")).json();
      require(shown.length() <= mutant.length, "is shown as more than came");
    }
  }

  /** What requests ask for. */
  static final class Payloads implements FuzzTarget {
    @Override
    public byte[] mutant(Mutation mutation) {
      ObjectNode right = object(mutation.one(PAYLOADS));
      JsonMutation json = new JsonMutation(mutation);
      byte[] octets = json.written(json.of(right)).getBytes(UTF_8);
      return mutation.oneIn(4) ? mutation.octets(octets) : octets;
    }

    /** Reads all members, each as what a request may want it to be; the first refusal counts. */
    @Override
    public void read(byte[] mutant) throws AcmeProblem, Refused {
      Payload payload = Payload.parse(mutant).orElseThrow(AcmeProblem::notFound);
      Refusals refusals = new Refusals();
      refusals.of(() -> payload.texts("contact").ifPresent(contacts -> check(refusals, contacts)));
      if (payload.json().has("identifiers")) {
        refusals.of(() -> {
          for (Payload identifier : payload.objects("identifiers")) {
            refusals.of(() -> identifier(identifier));
          }
        });
      }
      if (payload.json().has("identifier")) {
        refusals.of(() -> identifier(payload.payload("identifier")));
      }
      refusals.of(() -> payload.instant("notBefore"));
      refusals.of(() -> payload.instant("notAfter"));
      refusals.of(() -> payload.flag("termsOfServiceAgreed"));
      refusals.of(() -> payload.flag("onlyReturnExisting"));
      refusals.of(() -> payload.integer("reason"));
      refusals.of(() -> payload.text("profile"));
      refusals.of(() -> payload.text("status"));
      refusals.of(() -> payload.text("replaces").ifPresent(text -> replaces(refusals, text)));
      refusals.of(() -> payload.text("csr").ifPresent(text -> octets(refusals, text)));
      refusals.of(() -> payload.text("certificate").ifPresent(text -> octets(refusals, text)));
      refusals.of(() -> payload.object("oldKey").ifPresent(key -> key(refusals, key)));
      refusals.throwFirst();
    }

    private static void check(Refusals refusals, List<String> contacts) {
      refusals.of(() -> Contacts.check(contacts));
    }

    private static void replaces(Refusals refusals, String text) {
      refusals.of(() -> CertificateIdentifier.parse(text));
    }

    private static void octets(Refusals refusals, String text) {
      refusals.of(() -> Base64Url.decode(text, "octets"));
    }

    private static void key(Refusals refusals, ObjectNode key) {
      refusals.of(() -> AccountKey.parse(key));
    }

    private static void identifier(Payload identifier) throws AcmeProblem {
      String type = identifier.requiredText("type");
      String value = identifier.requiredText("value");
      try {
        Identifiers.parse(type, value);
      } catch (AcmeProblem e) {
        Problem problem = e.problem();
        throw new AcmeProblem(
            new Problem(
                problem.error(),
                problem.detail(),
                List.of(
                    new Problem.Subproblem(
                        problem.error(), problem.detail(), Identifiers.json(type, value)))));
      }
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("what was taken " + what);
    }
  }
}
