package dev.chancery.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** What a server can be sent that nobody should send. */
final class Garbage {
  private static final int MEBIBYTE = 1 << 20;

  private Garbage() {}

  /** What is not HTTP, or no good HTTP, whatever the path. */
  static Map<String, List<byte[]>> octets() {
    Random random = new Random(20261122);
    Map<String, List<byte[]>> all = new LinkedHashMap<>();
    for (int length : new int[] {1, 64, 4096, 100_000}) {
      byte[] noise = new byte[length];
      random.nextBytes(noise);
      all.put(length + " octets of noise", List.of(noise));
    }
    all.put("nothing", List.of());
    all.put("NUL", List.of(new byte[10_000]));
    all.put("line ends", List.of("\r\n".repeat(20_000).getBytes(ISO_8859_1)));
    all.put("TLS hello of nothing", List.of(new byte[] {22, 3, 1, 2, 0, 1, 0, 1, -4, 3, 3}));
    all.put("HTTP/2 without TLS", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    all.put("no version", text("GET /\r\n\r\n"));
    all.put("version 9", text("GET / HTTP/9.9\r\nHost: a\r\n\r\n"));
    all.put("version of nothing", text("GET / FTP/1.1\r\nHost: a\r\n\r\n"));
    all.put("half a line", text("GET / HT"));
    all.put("half a head", text("GET / HTTP/1.1\r\nHost: a"));
    all.put("no host", text("GET / HTTP/1.1\r\n\r\n"));
    all.put("two hosts", text("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
    all.put("host of noise", text("GET / HTTP/1.1\r\nHost: a b\u0001/@[\r\n\r\n"));
    all.put("header without name", text("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"));
    all.put("header with NUL", text("GET / HTTP/1.1\r\nHost: a\r\nX: a\u0000b\r\n\r\n"));
    all.put("folded header", text("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"));
    all.put("huge header", request("GET /nothing", "X: " + "a".repeat(MEBIBYTE)));
    all.put("many headers", request("GET /nothing", "X: a\r\n".repeat(20_000) + "Y: b"));
    all.put("huge path", request("GET /" + "a".repeat(MEBIBYTE), "X: a"));
    all.put("huge query", request("GET /nothing?" + "a".repeat(MEBIBYTE), "X: a"));
    all.put("huge method", request("A".repeat(MEBIBYTE) + " /", "X: a"));
    for (String method :
        List.of("FOO", "get", "TRACE", "CONNECT", "PROPFIND", "\u0001", "G\u00c4T")) {
      all.put("method " + method, request(method + " /nothing", "X: secret-echo"));
    }
    all.put("no such proxy", request("GET http://other.example/nothing", "X: a"));
    all.put("negative length", request("POST /nothing", "Content-Length: -1"));
    all.put("length of words", request("POST /nothing", "Content-Length: many"));
    all.put("length beyond numbers", request("POST /nothing", "Content-Length: " + "9".repeat(40)));
    all.put(
        "two lengths", request("POST /nothing", "Content-Length: 1\r\nContent-Length: 2", "ab"));
    all.put(
        "length and chunks",
        request("POST /nothing", "Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n"));
    all.put("unknown encoding", request("POST /nothing", "Transfer-Encoding: gzip", "ab"));
    all.put("upgrade", request("GET /nothing", "Connection: Upgrade\r\nUpgrade: websocket"));
    all.put("expectation", request("POST /nothing", "Expect: the-best\r\nContent-Length: 1", "a"));
    return all;
  }

  /** Paths that lead out, or nowhere. */
  static List<String> paths() {
    return List.of(
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/crl/../../chancery.yaml",
        "/crl/..%2f..%2fchancery.yaml",
        "/crl/%2e%2e%2fissuing.crl",
        "/crl/..%5c..%5cchancery.yaml",
        "/crl/issuing.crl%00.pem",
        "/crl/" + "a".repeat(4000) + ".crl",
        "/ca/..;/admin/url",
        "/ca/issuing.crt/..;x=y/root.pem",
        "/acme/%2e%2e/admin/v1/issuers",
        "/acme/default/order/' or 1=1 --",
        "/acme/default/order/%27%20or%201%3D1",
        "/acme/default/certificate/" + "9".repeat(3000),
        "/admin/v1/certificates/zz",
        "/admin/v1/certificates/" + "f".repeat(3000),
        "/ocsp/" + "A".repeat(8000),
        "/ocsp/%%%",
        "/ocsp/%2F%2F%2F",
        "//",
        "//etc/passwd",
        "/%00",
        "/a%00b",
        "/a\u0000b",
        "/%zz",
        "/%",
        "/%c0%af%c0%ae",
        "/%u002e%u002e",
        "/\u00ff\u00fe",
        "*",
        "nothing",
        "\\..\\",
        "/<script>alert(1)</script>");
  }

  /** Bodies that are not what they say, or do not end. */
  static Map<String, List<byte[]>> bodies(String path) {
    Map<String, List<byte[]>> all = new LinkedHashMap<>();
    String jose = "Content-Type: application/jose+json";
    List<String> types =
        List.of(jose, "Content-Type: application/json", "Content-Type: application/ocsp-request");
    Map<String, String> documents = new LinkedHashMap<>();
    documents.put("empty", "");
    documents.put("noise", "\u0000\u0001\u00ff".repeat(99));
    documents.put("half", "{\"protected\":\"");
    documents.put("null", "null");
    documents.put("list", "[]");
    documents.put("number beyond numbers", "1" + "0".repeat(5000));
    documents.put("deep lists", "[".repeat(50_000));
    documents.put("deep objects", "{\"a\":".repeat(20_000));
    documents.put(
        "key twice",
        "{\"protected\":\"e30\",\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\"}");
    documents.put("wrong kinds", "{\"protected\":{},\"payload\":[],\"signature\":1,\"reason\":{}}");
    documents.put("bad base64", "{\"protected\":\"%%%\",\"payload\":\"=\",\"signature\":\"\"}");
    documents.put(
        "deep inside",
        "{\"protected\":\""
            + base64("[".repeat(30_000))
            + "\",\"payload\":\"\","
            + "\"signature\":\"\"}");
    documents.put("DER that lies", "0\u0084\u007f\u00ff\u00ff\u00ff0\u0080");
    documents.put("deep DER", "0\u0080".repeat(10_000));
    for (String type : types) {
      documents.forEach((name, body) ->
          all.put(
              name + " as " + type.substring(14),
              request("POST " + path, type + "\r\nContent-Length: " + body.length(), body)));
    }
    all.put("no type", request("POST " + path, "Content-Length: 2", "{}"));
    all.put(
        "type of noise",
        request("POST " + path, "Content-Type: \u0001;;=\r\nContent-Length: 2", "{}"));
    all.put(
        "unknown charset",
        request(
            "POST " + path,
            "Content-Type: application/json; charset=x\u00ff-no\r\nContent-Length: 2",
            "{}"));
    all.put("body that ends early", request("POST " + path, jose + "\r\nContent-Length: 99", "{}"));
    all.put(
        "chunk of no size",
        request("POST " + path, jose + "\r\nTransfer-Encoding: chunked", "zz\r\n"));
    all.put(
        "chunk beyond numbers",
        request(
            "POST " + path, jose + "\r\nTransfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nab"));
    all.put(
        "chunks that end early",
        request("POST " + path, jose + "\r\nTransfer-Encoding: chunked", "5\r\nab"));
    all.put(
        "zipped",
        request("POST " + path, jose + "\r\nContent-Encoding: gzip\r\nContent-Length: 2", "ab"));
    byte[] mebibyte = new byte[MEBIBYTE];
    for (String type : types) {
      List<byte[]> announced =
          new ArrayList<>(request("POST " + path, type + "\r\nContent-Length: 9999999999"));
      announced.addAll(Collections.nCopies(32, mebibyte));
      all.put("ten gigabytes as " + type.substring(14), announced);
      List<byte[]> chunked =
          new ArrayList<>(request("POST " + path, type + "\r\nTransfer-Encoding: chunked"));
      for (int i = 0; i < 32; i++) {
        chunked.add("100000\r\n".getBytes(ISO_8859_1));
        chunked.add(mebibyte);
        chunked.add("\r\n".getBytes(ISO_8859_1));
      }
      all.put("chunks without end as " + type.substring(14), chunked);
    }
    return all;
  }

  static List<byte[]> request(String start, String headers) {
    return request(start, headers, "");
  }

  private static List<byte[]> request(String start, String headers, String body) {
    return text(start + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n\r\n" + body);
  }

  private static List<byte[]> text(String text) {
    return List.of(text.getBytes(ISO_8859_1));
  }

  private static String base64(String text) {
    return java.util.Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(ISO_8859_1));
  }
}
