package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyPair;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * One exchange with an ACME server, the same with every server: what is right and what is wrong by
 * RFC 8555, step by step, and what was answered.
 */
final class AcmeScript {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String NAME = "www.chancery.test";
  private static final long MOST_LOOKS = 600;
  private static final long PAUSE_MILLIS = 100;
  private static final String JOSE = "application/jose+json";
  private static final String EXISTING = "{\"onlyReturnExisting\":true}";
  private static final String AGREED = "{\"termsOfServiceAgreed\":true}";
  private static final String DEACTIVATED = "{\"status\":\"deactivated\"}";

  private final HttpClient http;
  private final String directory;
  private final Answers challenges;
  private final Map<String, Observation> seen = new LinkedHashMap<>();
  private final Map<String, String> known = new HashMap<>();
  private String nonce = "";
  private JsonNode urls = AcmeKey.JSON.createObjectNode();
  private Account one;
  private Account two;

  /** Who signs: a key, which is named by an account's URL or, without one, by itself. */
  private record Account(AcmeKey key, Optional<String> url) {
    Account withoutUrl() {
      return new Account(key, Optional.empty());
    }
  }

  /** An order for one name, as it was when it was made. */
  private record Order(String name, String url, JsonNode json) {
    String authorization() {
      return json.path("authorizations").path(0).asText();
    }

    String finalizeUrl() {
      return json.path("finalize").asText();
    }
  }

  /**
   * @param challenges where the answers to challenges are put
   */
  AcmeScript(HttpClient http, String directory, Answers challenges) throws Exception {
    this.http = http;
    this.directory = directory;
    this.challenges = challenges;
    this.one = stranger();
    this.two = stranger();
  }

  private static Account stranger() throws Exception {
    return new Account(AcmeKey.generate(), Optional.empty());
  }

  /** What was answered, by step and in order. */
  Map<String, Observation> run() throws Exception {
    entrance();
    newAccounts();
    requests();
    accounts();
    keyChange();
    newOrders();
    Order order = ordersAndAuthorizations();
    String certificate = finalizing(order);
    unsignedRequest();
    revocation(certificate);
    revocationForReasonOfAuthority();
    revocationByKey();
    failedValidation();
    deactivation();
    return seen;
  }

  /** RFC 8555 sections 7.1.1 and 7.2. */
  private void entrance() throws Exception {
    known.put(directory, "the directory");
    urls = AcmeKey.JSON.readTree(step("directory", get(directory)).body());
    step("directory, HEAD", send(request(directory).HEAD()));
    step("newNonce, HEAD", send(request(url("newNonce")).HEAD()));
    step("newNonce, GET", get(url("newNonce")));
  }

  /** Sections 7.3 and 7.3.1. */
  private void newAccounts() throws Exception {
    String url = url("newAccount");
    HttpResponse<String> made =
        post(one, url, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:a@example.org\"]}");
    one = new Account(one.key(), learnt("the account", made));
    step("newAccount", made);
    step("newAccount, same key", post(one.withoutUrl(), url, AGREED));
    step("newAccount, onlyReturnExisting", post(one.withoutUrl(), url, EXISTING));
    step("newAccount, onlyReturnExisting, unknown key", post(stranger(), url, EXISTING));
    step("newAccount, tel: contact", post(stranger(), url, contact("tel:+12025550100")));
    step(
        "newAccount, two addresses in a contact",
        post(stranger(), url, contact("mailto:a@example.org,b@example.org")));
    step(
        "newAccount, header field in a contact",
        post(stranger(), url, contact("mailto:a@example.org?subject=x")));
    step("newAccount, contact without an address", post(stranger(), url, contact("mailto:nobody")));
    step("newAccount, empty payload", post(stranger(), url, ""));
    step("newAccount, signed by an account", post(one, url, AGREED));
    HttpResponse<String> second = post(two, url, AGREED);
    two = new Account(two.key(), learnt("the other account", second));
    step("newAccount, without contact", second);
    step("directory, POST-as-GET", post(one, directory, ""));
    step("newNonce, POST-as-GET", post(one, url("newNonce"), ""));
  }

  private static String contact(String uri) {
    return "{\"termsOfServiceAgreed\":true,\"contact\":[\"" + uri + "\"]}";
  }

  /** Sections 6.2 to 6.5, mostly on a resource that a right request would change nothing of. */
  private void requests() throws Exception {
    String url = account(one);
    step("request, nonce of no server", post(one, url, "", header -> header.put("nonce", "AAAA")));
    step("request, nonce that is not base64url", post(one, url, "", h -> h.put("nonce", "a b")));
    step("request, no nonce", post(one, url, "", header -> header.without("nonce")));
    String used = fresh();
    post(one, url, "");
    step("request, used nonce", post(one, url, "", header -> header.put("nonce", used)));
    step(
        "request, url of another resource",
        post(one, url, "", header -> header.put("url", url("newOrder"))));
    step("request, no url", post(one, url, "", header -> header.without("url")));
    step("request, kid of no account", post(one, url, "", h -> h.put("kid", url + "0000")));
    step("request, kid that is no URL", post(one, url, "", header -> header.put("kid", "me")));
    step("request, kid and jwk", post(one, url, "", header -> header.set("jwk", one.key().jwk())));
    step("request, neither kid nor jwk", post(one, url, "", header -> header.without("kid")));
    step("request, jwk where a kid is due", post(one.withoutUrl(), url, ""));
    step("request, alg none", post(one, url, "", header -> header.put("alg", "none")));
    step("request, alg HS256", post(one, url, "", header -> header.put("alg", "HS256")));
    step("request, alg of another key", post(one, url, "", header -> header.put("alg", "RS256")));
    step("request, alg of another curve", post(one, url, "", h -> h.put("alg", "ES384")));
    step("request, signed by another key", post(new Account(two.key(), one.url()), url, ""));
    step(
        "request, payload changed",
        postBody(url, JOSE, jws(one, url, "").put("payload", AcmeKey.base64Url("{}")).toString()));
    step(
        "request, unprotected header",
        postBody(
            url,
            JOSE,
            jws(one, url, "")
                .set("header", AcmeKey.JSON.createObjectNode().put("x", "y"))
                .toString()));
    ObjectNode flat = jws(one, url, "");
    ObjectNode general = AcmeKey.JSON.createObjectNode().set("payload", flat.remove("payload"));
    general.putArray("signatures").add(flat);
    step("request, general serialization", postBody(url, JOSE, general.toString()));
    step("request, compact serialization", postBody(url, JOSE, compact(jws(one, url, ""))));
    step("request, no JSON", postBody(url, JOSE, "hello"));
    step("request, empty body", postBody(url, JOSE, ""));
    step("request, payload that is no JSON", post(one, url("newOrder"), "hello"));
    step(
        "request, content type application/json",
        postBody(url, "application/json", jws(one, url, "").toString()));
    step("request, GET", get(url));
    step("request, GET of newOrder", get(url("newOrder")));
    step(
        "request, PUT",
        send(request(url).header("Content-Type", JOSE).PUT(BodyPublishers.noBody())));
    String nowhere = URI.create(directory).resolve("/acme/default/nothing").toString();
    step("unknown resource, GET", get(nowhere));
    step("unknown resource, POST", post(one, nowhere, ""));
  }

  private static String compact(ObjectNode jws) {
    return jws.path("protected").asText()
        + "."
        + jws.path("payload").asText()
        + "."
        + jws.path("signature").asText();
  }

  /** Sections 7.3.2 and 7.1.2.1. */
  private void accounts() throws Exception {
    String url = account(one);
    step("account, read", post(one, url, ""));
    step("account, {}", post(one, url, "{}"));
    step("account, new contact", post(one, url, "{\"contact\":[\"mailto:b@example.org\"]}"));
    step("account, tel: contact", post(one, url, "{\"contact\":[\"tel:+12025550100\"]}"));
    step("account, unknown status", post(one, url, "{\"status\":\"revoked\"}"));
    step("account, read by another account", post(two, url, ""));
    JsonNode object = AcmeKey.JSON.readTree(post(one, url, "").body());
    step("account, orders", post(one, object.path("orders").asText(), ""));
    step("account, orders read by another account", post(two, object.path("orders").asText(), ""));
  }

  /** Section 7.3.5. */
  private void keyChange() throws Exception {
    String url = url("keyChange");
    AcmeKey next = AcmeKey.generate();
    step("keyChange, to a key in use", post(one, url, change(url, one, two.key(), one.key())));
    step("keyChange, to its own key", post(one, url, change(url, one, one.key(), one.key())));
    step("keyChange, wrong oldKey", post(one, url, change(url, one, next, two.key())));
    step("keyChange, for another account", post(one, url, change(url, two, next, one.key())));
    step(
        "keyChange, inner url of another resource",
        post(one, url, change(url("newOrder"), one, next, one.key())));
    ObjectNode unproven = (ObjectNode) AcmeKey.JSON.readTree(change(url, one, next, one.key()));
    ObjectNode other = (ObjectNode) AcmeKey.JSON.readTree(change(url, two, next, two.key()));
    step(
        "keyChange, wrong inner signature",
        post(one, url, unproven.set("signature", other.get("signature")).toString()));
    step("keyChange, no inner JWS", post(one, url, "{}"));
    step("keyChange", post(one, url, change(url, one, next, one.key())));
    step("request, signed by the key before", post(one, account(one), ""));
    one = new Account(next, one.url());
    step("request, signed by the key after", post(one, account(one), ""));
  }

  private String change(String url, Account account, AcmeKey next, AcmeKey before)
      throws Exception {
    ObjectNode header = AcmeKey.JSON.createObjectNode().put("url", url).set("jwk", next.jwk());
    ObjectNode payload =
        AcmeKey.JSON
            .createObjectNode()
            .put("account", account(account))
            .set("oldKey", before.jwk());
    return next.jws(header, payload.toString()).toString();
  }

  /** Section 7.4. */
  private void newOrders() throws Exception {
    String url = url("newOrder");
    step("newOrder, no identifiers", post(one, url, "{}"));
    step("newOrder, empty identifiers", post(one, url, "{\"identifiers\":[]}"));
    step("newOrder, empty payload", post(one, url, ""));
    step("newOrder, unknown type", post(one, url, identifiers("mail", "a@example.org")));
    step("newOrder, empty name", post(one, url, identifiers("dns", "")));
    step("newOrder, name with a space", post(one, url, identifiers("dns", "a b.example.org")));
    step(
        "newOrder, name with an underscore", post(one, url, identifiers("dns", "a_b.example.org")));
    step("newOrder, name with a port", post(one, url, identifiers("dns", "example.org:80")));
    step(
        "newOrder, name with an empty label", post(one, url, identifiers("dns", "a..example.org")));
    step("newOrder, name of one label", post(one, url, identifiers("dns", "localhost")));
    step("newOrder, wildcard inside", post(one, url, identifiers("dns", "a.*.example.org")));
    step("newOrder, address as a dns name", post(one, url, identifiers("dns", "192.0.2.1")));
    step("newOrder, ip that is none", post(one, url, identifiers("ip", "192.0.2.256")));
    step(
        "newOrder, notBefore that is no time",
        post(
            one,
            url,
            "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.org\"}],"
                + "\"notBefore\":\"tomorrow\"}"));
    HttpResponse<String> address = post(one, url, identifiers("ip", "192.0.2.1"));
    known.put(location(address), "the order");
    step("newOrder, ip", address);
  }

  private static String identifiers(String type, String value) {
    ObjectNode order = AcmeKey.JSON.createObjectNode();
    order.putArray("identifiers").addObject().put("type", type).put("value", value);
    return order.toString();
  }

  /** Sections 7.5, 7.5.1 and 7.5.2; an order that is ready. */
  private Order ordersAndAuthorizations() throws Exception {
    HttpResponse<String> made = post(one, url("newOrder"), identifiers("dns", NAME));
    Order order = order(NAME, made);
    step("newOrder", made);
    step("order, read", post(one, order.url(), ""));
    step("order, {}", post(one, order.url(), "{}"));
    step("order, read by another account", post(two, order.url(), ""));
    step("order, unknown", post(one, order.url() + "0000", ""));
    step("order, GET", get(order.url()));

    step("authorization, {}", post(one, order.authorization(), "{}"));
    step("authorization, read by another account", post(two, order.authorization(), ""));
    step("authorization, unknown", post(one, order.authorization() + "0000", ""));
    HttpResponse<String> authorization = post(one, order.authorization(), "");
    step("authorization, read", authorization);

    JsonNode challenge = http01(authorization);
    String url = challenge.path("url").asText();
    step("challenge, read", post(one, url, ""));
    step("challenge, read by another account", post(two, url, ""));
    step("challenge, unknown", post(one, url + "0000", "{}"));
    step("challenge, GET", get(url));
    step("finalize, before ready", finalizeOrder(order, csr(NAME)));

    // The server comes at once and waits for the answer, so that this step always finds it coming.
    step("challenge, {}", post(one, url, "{}"));
    String token = challenge.path("token").asText();
    challenges.give(token, token + "." + one.key().thumbprint());
    settled(order.authorization());
    step("challenge, valid, read", post(one, url, ""));
    step("challenge, valid, {} again", post(one, url, "{}"));
    step("authorization, valid", post(one, order.authorization(), ""));
    step("order, ready", post(one, order.url(), ""));
    return order;
  }

  private static JsonNode http01(HttpResponse<String> authorization) throws IOException {
    for (JsonNode challenge : AcmeKey.JSON.readTree(authorization.body()).path("challenges")) {
      if (challenge.path("type").asText().equals("http-01")) {
        return challenge;
      }
    }
    throw new AssertionError("no http-01 challenge: " + authorization.body());
  }

  private Order newOrder(String name) throws Exception {
    return order(name, post(one, url("newOrder"), identifiers("dns", name)));
  }

  private Order order(String name, HttpResponse<String> made) throws IOException {
    Order order = new Order(name, location(made), AcmeKey.JSON.readTree(made.body()));
    known.put(order.url(), "the order");
    known.put(order.authorization(), "the authorization");
    return order;
  }

  /**
   * An order whose authorization the server has found valid. Each is for a name of its own, so that
   * no authorization is there before it.
   */
  private Order readyOrder(String name) throws Exception {
    Order order = newOrder(name);
    JsonNode challenge = http01(post(one, order.authorization(), ""));
    String token = challenge.path("token").asText();
    challenges.give(token, token + "." + one.key().thumbprint());
    post(one, challenge.path("url").asText(), "{}");
    settled(order.authorization());
    return order;
  }

  /** Section 7.4 with an order of its own, which Pebble makes a certificate of. */
  private void unsignedRequest() throws Exception {
    Order order = readyOrder("unsigned.chancery.test");
    byte[] broken = csr(order.name());
    broken[broken.length - 1] ^= 1;
    step("finalize, csr with a wrong signature", finalizeOrder(order, broken));
  }

  /** Section 7.4; the certificate. */
  private String finalizing(Order order) throws Exception {
    KeyPair key = AcmeKey.pairOfKeys();
    step("finalize, no csr", post(one, order.finalizeUrl(), "{}"));
    step("finalize, csr not base64url", post(one, order.finalizeUrl(), "{\"csr\":\"a b\"}"));
    step("finalize, csr not DER", finalizeOrder(order, new byte[] {1, 2, 3}));
    step("finalize, csr for another name", finalizeOrder(order, csr("other.chancery.test")));
    step("finalize, csr for one name more", finalizeOrder(order, csr(NAME, "other.chancery.test")));
    step(
        "finalize, csr with the account's key",
        finalizeOrder(order, Requests.csr(one.key().pair(), NAME)));
    step("finalize, by another account", post(two, order.finalizeUrl(), csrPayload(csr(NAME))));
    byte[] csr = Requests.csr(key, NAME);
    step("finalize", finalizeOrder(order, csr));
    settled(order.url());
    HttpResponse<String> valid = post(one, order.url(), "");
    step("order, valid", valid);
    step("finalize, again", finalizeOrder(order, csr));
    step("finalize, again with another key", finalizeOrder(order, csr(NAME)));

    String url = AcmeKey.JSON.readTree(valid.body()).path("certificate").asText();
    known.put(url, "the certificate");
    HttpResponse<String> certificate = post(one, url, "");
    step("certificate", certificate);
    step("certificate, {}", post(one, url, "{}"));
    step("certificate, read by another account", post(two, url, ""));
    step("certificate, unknown", post(one, url + "0000", ""));
    step("certificate, GET", get(url));
    return leaf(certificate.body());
  }

  private HttpResponse<String> finalizeOrder(Order order, byte[] csr) throws Exception {
    return post(one, order.finalizeUrl(), csrPayload(csr));
  }

  private static byte[] csr(String... names) throws Exception {
    return Requests.csr(AcmeKey.pairOfKeys(), names);
  }

  private static String csrPayload(byte[] csr) {
    return AcmeKey.JSON.createObjectNode().put("csr", AcmeKey.base64Url(csr)).toString();
  }

  /** The first certificate of a PEM chain, as base64url of its DER. */
  private static String leaf(String chain) {
    String end = "-----END CERTIFICATE-----";
    String text =
        chain
            .substring(0, chain.indexOf(end))
            .replace("-----BEGIN CERTIFICATE-----", "")
            .replaceAll("\\s", "");
    return AcmeKey.base64Url(Base64.getDecoder().decode(text));
  }

  /** Section 7.6. */
  private void revocation(String certificate) throws Exception {
    String url = url("revokeCert");
    step("revokeCert, no certificate", post(one, url, "{}"));
    step("revokeCert, no DER", post(one, url, revocation("AQID", 0)));
    step("revokeCert, unknown reason", post(one, url, revocation(certificate, 7)));
    step("revokeCert, by another account", post(two, url, revocation(certificate, 1)));
    step("revokeCert, by another key", post(stranger(), url, revocation(certificate, 1)));
    step("revokeCert", post(one, url, revocation(certificate, 1)));
    step("revokeCert, again", post(one, url, revocation(certificate, 1)));
  }

  /** With a certificate of its own, which Pebble revokes. */
  private void revocationForReasonOfAuthority() throws Exception {
    String certificate = certificate("reason.chancery.test", AcmeKey.pairOfKeys());
    step("revokeCert, reason of a CA", post(one, url("revokeCert"), revocation(certificate, 2)));
  }

  private void revocationByKey() throws Exception {
    KeyPair key = AcmeKey.pairOfKeys();
    String certificate = certificate("key.chancery.test", key);
    Account holder = new Account(new AcmeKey(key), Optional.empty());
    step(
        "revokeCert, by the certificate's key",
        post(holder, url("revokeCert"), revocation(certificate, 1)));
  }

  /** A new certificate of a key, as base64url of its DER. */
  private String certificate(String name, KeyPair key) throws Exception {
    Order order = readyOrder(name);
    finalizeOrder(order, Requests.csr(key, name));
    settled(order.url());
    JsonNode valid = AcmeKey.JSON.readTree(post(one, order.url(), "").body());
    return leaf(post(one, valid.path("certificate").asText(), "").body());
  }

  private static String revocation(String certificate, int reason) {
    return AcmeKey.JSON
        .createObjectNode()
        .put("certificate", certificate)
        .put("reason", reason)
        .toString();
  }

  /** Section 7.1.6: a challenge that is answered wrongly. */
  private void failedValidation() throws Exception {
    Order order = newOrder("failed.chancery.test");
    JsonNode offered = http01(post(one, order.authorization(), ""));
    challenges.give(offered.path("token").asText(), "not this");
    String challenge = offered.path("url").asText();
    post(one, challenge, "{}");
    settled(order.authorization());
    step("challenge, wrong answer", post(one, challenge, ""));
    step("challenge, invalid, {} again", post(one, challenge, "{}"));
    step("authorization, wrong answer", post(one, order.authorization(), ""));
    settled(order.url());
    step("order, wrong answer", post(one, order.url(), ""));
    step("finalize, invalid order", finalizeOrder(order, csr(order.name())));
    step("authorization, deactivate an invalid one", post(one, order.authorization(), DEACTIVATED));
  }

  /** Sections 7.5.2 and 7.3.6. */
  private void deactivation() throws Exception {
    Order order = newOrder("deactivated.chancery.test");
    step(
        "authorization, unknown status",
        post(one, order.authorization(), "{\"status\":\"valid\"}"));
    step("authorization, deactivate", post(one, order.authorization(), DEACTIVATED));
    step("order, authorization deactivated", post(one, order.url(), ""));
    step("account, deactivate by another account", post(two, account(one), DEACTIVATED));
    step("account, deactivate", post(one, account(one), DEACTIVATED));
    step("account, deactivated, read", post(one, account(one), ""));
    step("newOrder, deactivated account", post(one, url("newOrder"), identifiers("dns", NAME)));
    step(
        "newAccount, key of a deactivated account",
        post(one.withoutUrl(), url("newAccount"), AGREED));
  }

  /** Waits until an object is what it will remain. */
  private void settled(String url) throws Exception {
    for (int look = 0; look < MOST_LOOKS; look++) {
      String status = AcmeKey.JSON.readTree(post(one, url, "").body()).path("status").asText();
      if (!status.equals("pending") && !status.equals("processing")) {
        return;
      }
      Thread.sleep(PAUSE_MILLIS);
    }
    throw new AssertionError(url + " does not settle");
  }

  private HttpResponse<String> step(String name, HttpResponse<String> response) {
    if (seen.put(name, Observation.of(response, known)) != null) {
      throw new IllegalStateException("two steps are called " + name);
    }
    return response;
  }

  private Optional<String> learnt(String name, HttpResponse<String> made) {
    String url = location(made);
    known.put(url, name);
    return Optional.of(url);
  }

  private static String location(HttpResponse<String> made) {
    return made.headers()
        .firstValue("Location")
        .orElseThrow(() -> new AssertionError(made.statusCode() + " " + made.body()));
  }

  private String url(String name) {
    return urls.path(name).asText();
  }

  private static String account(Account account) {
    return account.url().orElseThrow();
  }

  private HttpResponse<String> post(Account signer, String url, String payload) throws Exception {
    return post(signer, url, payload, UnaryOperator.identity());
  }

  private HttpResponse<String> post(
      Account signer, String url, String payload, UnaryOperator<ObjectNode> change)
      throws Exception {
    return postBody(url, JOSE, jws(signer, url, payload, change).toString());
  }

  private ObjectNode jws(Account signer, String url, String payload) throws Exception {
    return jws(signer, url, payload, UnaryOperator.identity());
  }

  private ObjectNode jws(
      Account signer, String url, String payload, UnaryOperator<ObjectNode> change)
      throws Exception {
    ObjectNode header = AcmeKey.JSON.createObjectNode().put("nonce", fresh()).put("url", url);
    signer
        .url()
        .ifPresentOrElse(
            kid -> header.put("kid", kid), () -> header.set("jwk", signer.key().jwk()));
    return signer.key().jws(change.apply(header), payload);
  }

  private String fresh() throws Exception {
    if (nonce.isEmpty()) {
      send(request(url("newNonce")).HEAD());
    }
    return nonce;
  }

  private HttpResponse<String> postBody(String url, String contentType, String body)
      throws Exception {
    return send(
        request(url).header("Content-Type", contentType).POST(BodyPublishers.ofString(body)));
  }

  private HttpResponse<String> get(String url) throws Exception {
    return send(request(url).GET());
  }

  private static HttpRequest.Builder request(String url) {
    return HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE);
  }

  /** Every nonce is used for one request at most: the next one has that of this answer, or asks. */
  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
    nonce = response.headers().firstValue("Replay-Nonce").orElse("");
    return response;
  }
}
