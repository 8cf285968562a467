//! Python, JavaScript, Ruby, PHP.

use super::{check, none};

#[test]
fn python_decorators() {
    let yes = |text: &str, path: &str| check("api/app.py", text, &[path]);
    yes("@app.route('/health')\ndef f(): pass", "/health");
    yes(
        "@app.route(\"/health/\", methods=['GET', 'POST'])\ndef f(): pass",
        "/health/",
    );
    yes(
        "@app.get(\"/healthz\", status_code=200)\nasync def f(): pass",
        "/healthz",
    );
    yes("@app.api_route(path='/ready')\ndef f(): pass", "/ready");
    yes("@get(\"/ping\")\ndef f(): pass", "/ping");
    yes(
        "routes = web.RouteTableDef()\n@routes.get('/livez')\nasync def f(r): pass",
        "/livez",
    );
    yes(
        "r = APIRouter(prefix='/api/v1')\n@r.get('/health')\ndef f(): pass",
        "/api/v1/health",
    );
    yes(
        "r = APIRouter(prefix='/health')\n@r.get('')\ndef f(): pass",
        "/health",
    );
    yes(
        "r = fastapi.APIRouter(prefix='/v1')\n@r.get('/health')\ndef f(): pass\napp.include_router(r, prefix='/api')",
        "/api/v1/health",
    );
    yes(
        "b = Blueprint('b', __name__, url_prefix='/b')\n@b.route('/health')\ndef f(): pass",
        "/b/health",
    );
    yes(
        "b = Blueprint('b', __name__, url_prefix='/b')\n@b.route('/health')\ndef f(): pass\napp.register_blueprint(b, url_prefix='/c')",
        "/c/health",
    );
}

#[test]
fn python_calls() {
    let yes = |text: &str, path: &str| check("api/urls.py", text, &[path]);
    yes("urlpatterns = [path('health/', views.health)]", "/health/");
    yes(
        "urlpatterns = [path('api/', include([path('health/', v)]))]",
        "/api/health/",
    );
    yes("urlpatterns = [re_path(r'^healthz/$', v)]", "/healthz/");
    yes("app = Starlette(routes=[Route('/health', h)])", "/health");
    yes(
        "routes=[Mount('/api', routes=[Route('/health', h)])]",
        "/api/health",
    );
    yes("app.add_url_rule('/health', view_func=f)", "/health");
    yes("app.router.add_get('/health', f)", "/health");
    yes("app.router.add_route('GET', '/health', f)", "/health");
    yes("app.add_route('/health', Health())", "/health");
    yes("app.add_routes([web.get('/health', f)])", "/health");
    yes("api.add_resource(Health, '/health')", "/health");
    yes(
        "app = Application([(r'/health', HealthHandler)])",
        "/health",
    );
}

#[test]
fn python_not() {
    let no = |text: &str| none("api/app.py", text);
    no("requests.get('/health')");
    no("requests.get('/health', timeout)");
    no("client.get('/health', x)");
    no("# @app.route('/health')\nx");
    no("\"\"\"\n@app.route('/health')\n\"\"\"");
    no("x = \"@app.route('/health')\"");
    no("@app.post('/health')\ndef f(): pass");
    no("@app.route('/health', methods=['POST'])\ndef f(): pass");
    no("@app.get('/orders/{id}/health')\ndef f(): pass");
    no("@app.get('/orders/status')\ndef f(): pass");
    no("url = base + '/health'");
    no("httpx.get('http://api:8000/health')");
    no("@app.get('http://api/health')\ndef f(): pass");
    no("@app.get(f'{prefix}/health')\ndef f(): pass");
    no("os.path('x', '/health')");
    no("d.get('/health', None)");
    no("app.router.add_route('POST', '/health', f)");
    no("path('health/')");
    no("@patch('/health')\ndef f(): pass");
}

#[test]
fn javascript() {
    let yes = |text: &str, path: &str| check("web/server.ts", text, &[path]);
    yes(
        "app.get('/health', (req, res) => res.send('ok'))",
        "/health",
    );
    yes("app.get(`/healthz`, handler);", "/healthz");
    yes("app.get(['/health', '/x'], handler);", "/health");
    yes("app.all(\"/ping\", (c) => c.text('x'))", "/ping");
    yes(
        "fastify.get('/health', { schema }, async () => ({}))",
        "/health",
    );
    yes(
        "fastify.route({ method: 'GET', url: '/health', handler })",
        "/health",
    );
    yes(
        "server.route({ method: ['GET', 'POST'], path: '/health', handler })",
        "/health",
    );
    yes("app.route('/health').get(h).post(i)", "/health");
    yes("app.use('/health', healthRouter)", "/health");
    yes(
        "const r = new Router({ prefix: '/api' })\nr.get('/health', h)",
        "/api/health",
    );
    yes(
        "const r = Router()\nr.prefix('/api')\nr.get('/health', h)",
        "/api/health",
    );
    yes(
        "const r = express.Router();\nr.get('/health', h);\napp.use('/api', r);",
        "/api/health",
    );
    yes(
        "const app = new Hono().basePath('/api')\napp.get('/health', h)",
        "/api/health",
    );
    yes(
        "const b = new Hono()\nb.get('/health', h)\napp.route('/b', b)",
        "/b/health",
    );
    yes(
        "f.register(async (app) => { app.get('/health', h) }, { prefix: '/v1' })",
        "/v1/health",
    );
    yes(
        "async function r(app) { app.get('/health', h) }\nf.register(r, { prefix: '/v1' })",
        "/health",
    );
    yes("app.get('/health', /'/.test(x) ? a : b)", "/health");
}

#[test]
fn nest_and_files() {
    check(
        "a/health.controller.ts",
        "@Controller('health')\nexport class H {\n @Get()\n @Check()\n f() {}\n}",
        &["/health"],
    );
    check(
        "a/x.ts",
        "@Controller({ path: 'api', version: '1' })\nclass H { @Get('health') f() {} }",
        &["/api/health"],
    );
    check(
        "a/x.ts",
        "@Controller()\nexport class H { @Get('live') a() {} @Get('ready') b() {} }",
        &["/live", "/ready"],
    );
    check(
        "a/x.ts",
        "@Controller('orders')\nexport class H { @Get('status') f() {} }",
        &[],
    );
    check(
        "a/x.ts",
        "@Controller('health')\nexport class H { @Post() f() {} }",
        &[],
    );
    check(
        "web/app/api/health/route.ts",
        "export async function GET() {}",
        &["/api/health"],
    );
    check(
        "web/src/app/(ops)/healthz/route.js",
        "export const GET = h",
        &["/healthz"],
    );
    check(
        "web/app/api/health/route.ts",
        "export async function POST() {}",
        &[],
    );
    check(
        "web/pages/api/health.ts",
        "export default function h() {}",
        &["/api/health"],
    );
    check(
        "web/pages/api/health/index.js",
        "export default h",
        &["/api/health"],
    );
    check("web/pages/health.tsx", "export default h", &[]);
    check(
        "web/server/api/health.get.ts",
        "export default defineEventHandler(h)",
        &["/api/health"],
    );
    check(
        "web/src/routes/healthz/+server.ts",
        "export function GET() {}",
        &["/healthz"],
    );
    check(
        "web/app/api/[id]/health/route.ts",
        "export function GET() {}",
        &[],
    );
}

#[test]
fn javascript_not() {
    let no = |text: &str| none("web/api.ts", text);
    no("axios.get('/health')");
    no("axios.get('/health', handler)");
    no("api.get('/health')");
    no("api.get('/health', { headers })");
    no("fetch('/health')");
    no("http.get('/health', cb)");
    no("request(app).get('/health', done)");
    no("this.http.get('/health', opts)");
    no("this.httpClient.get('/health', opts)");
    no("// app.get('/health', h)\nx");
    no("/* app.get('/health', h) */");
    no("app.post('/health', h)");
    no("app.get('http://x/health', h)");
    no("app.get(`${base}/health`, h)");
    no("app.get('/users/:id/health', h)");
    no("app.get('status', h)");
    no("app.get('/orders/status', h)");
    no("fastify.route({ method: 'POST', url: '/health', handler })");
    no("cy.intercept('/health', h)");
    no("const routes = [{ path: '/status', component: Status }]");
    no("app.route('/health').post(h)");
}

#[test]
fn ruby() {
    let yes = |text: &str, path: &str| check("config/routes.rb", text, &[path]);
    yes(
        "Rails.application.routes.draw do\n  get 'up' => 'rails/health#show'\nend",
        "/up",
    );
    yes(
        "Rails.application.routes.draw do\n  get '/health', to: 'h#i'\nend",
        "/health",
    );
    yes(
        "X.routes.draw do\n  namespace :api do\n    scope '/v1' do\n      get 'health', to: 'x'\n    end\n  end\nend",
        "/api/v1/health",
    );
    yes(
        "X.routes.draw do\n  namespace :api do\n    get 'x', to: 'y'\n  end\n  get 'health', to: 'z'\nend",
        "/health",
    );
    yes(
        "X.routes.draw do\n  match '/health', to: 'h#i', via: [:get]\nend",
        "/health",
    );
    yes("get '/health' do\n  'ok'\nend", "/health");
    yes(
        "namespace '/api' do\n  get('/health') { 'ok' }\nend",
        "/api/health",
    );
    let no = |text: &str| none("lib/app.rb", text);
    no("get '/health'");
    no("conn.get '/health' do\nend");
    no("# get '/health' do\nx");
    no("X.routes.draw do\n  resources :orders do\n    get 'status', to: 'x'\n  end\nend");
    no("X.routes.draw do\n  post '/health', to: 'x'\nend");
    no("X.routes.draw do\n  match '/health', to: 'x', via: :post\nend");
    no("x = <<~DOC\n  get '/health' do\nDOC");
    no("=begin\nget '/health' do\n=end");
}

#[test]
fn php() {
    let yes = |text: &str, path: &str| check("routes/web.php", &format!("<?php\n{text}"), &[path]);
    yes("Route::get('/health', fn () => 'ok');", "/health");
    yes(
        "Route::get('health', [H::class, 'show'])->name('h');",
        "/health",
    );
    yes(
        "Route::prefix('api')->group(function () { Route::get('health', $h); });",
        "/api/health",
    );
    yes(
        "Route::group(['prefix' => 'api'], function () { Route::get('/health', $h); });",
        "/api/health",
    );
    yes("Route::match(['get'], '/health', $h);", "/health");
    yes("$app->get('/health', function ($q, $r) {});", "/health");
    yes(
        "$app->group('/api', function ($g) { $g->get('/health', H::class); });",
        "/api/health",
    );
    yes("$app->withRouting(health: '/up')", "/up");
    yes(
        "class H {\n#[Route('/health', name: 'h', methods: ['GET'])]\npublic function f() {} }",
        "/health",
    );
    yes(
        "#[Route('/api')]\nclass H {\n#[Route('/health')]\npublic function f() {} }",
        "/api/health",
    );
    check(
        "routes/api.php",
        "<?php Route::get('/health', $h);",
        &["/api/health"],
    );
    let no = |text: &str| none("src/x.php", text);
    no("<?php $client->get('/health', $o);");
    no("<?php Http::get('/health', $o);");
    no("<?php $c->get('/health');");
    no("<?php // Route::get('/health', $h);\n");
    no("Route::get('/health', $h);");
    no("<?php Route::post('/health', $h);");
    no("<?php Route::get(\"$x/health\", $h);");
    no("<?php class H {\n#[Route('/health', methods: ['POST'])]\npublic function f() {} }");
}
