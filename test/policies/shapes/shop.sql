-- A shop for many sellers: roles as an enum in a table of their own, the shop in the claims or in a setting,
-- orders by year, and conditions that shield others from what they would make of malformed values.
create type public.app_role as enum ('admin', 'seller', 'support', 'customer');
create table public.user_roles (id uuid primary key, user_id uuid not null references auth.users (id), role public.app_role not null, unique (user_id, role));
create table public.shops (id uuid primary key, owner_id uuid references auth.users (id), name text, settings jsonb not null default '{}', is_live boolean not null default true);
create table public.products (id int primary key, shop_id uuid not null references public.shops (id), price numeric(10, 2) not null check (price >= 0), stock int, status text not null check (status in ('draft', 'listed', 'gone')));
create table public.orders (id int not null, customer_id uuid not null, shop_id uuid, total numeric, placed_on date not null, note jsonb, primary key (id, placed_on)) partition by range (placed_on);
create table public.orders_past partition of public.orders for values from (minvalue) to ('2050-01-01');
create table public.orders_future partition of public.orders for values from ('2050-01-01') to (maxvalue);
create table public.order_items (order_id int, product_id int references public.products (id), quantity int not null default 1);
create table public.imports (id int primary key, kind text not null check (kind in ('api', 'file')), source text not null, uploaded_by uuid);

create function public.has_role(_user_id uuid, _role public.app_role) returns boolean language sql stable security definer set search_path = public as
  'select exists (select 1 from user_roles where user_id = _user_id and role = _role)';
create function public.is_staff() returns boolean language sql stable security definer set search_path = public as
  $$select exists (select 1 from user_roles where user_id = auth.uid() and role in ('admin', 'support'))$$;
create function public.claimed_shop() returns uuid language sql stable as
  $$select (auth.jwt() -> 'app_metadata' ->> 'shop_org_id')::uuid$$;
create function public.current_tenant() returns uuid language sql stable as
  $$select current_setting('app.tenant_id')::uuid$$;
create function public.owns_shop(shop uuid) returns boolean language sql stable as
  'select exists (select 1 from shops s where s.id = shop and s.owner_id = auth.uid())';

alter table public.user_roles enable row level security;
create policy "Own roles" on public.user_roles for select to authenticated using (user_id = auth.uid());
create policy "Admins manage roles" on public.user_roles for all to authenticated using (has_role(auth.uid(), 'admin')) with check (has_role(auth.uid(), 'admin') and role <> 'admin');
alter table public.shops enable row level security;
create policy "Live shops" on public.shops for select using (is_live);
create policy "Shops of mine" on public.shops for all to authenticated using (owner_id = auth.uid() or has_role(auth.uid(), 'admin'::public.app_role));
create policy "Shop of the claims" on public.shops for select to authenticated using (id = claimed_shop());
alter table public.products enable row level security;
create policy "Listed products" on public.products for select using (status = 'listed');
create policy "Products of my shop" on public.products for all to authenticated using (owns_shop(shop_id)) with check (owns_shop(shop_id) and status <> 'gone');
create policy "Products of the tenant" on public.products for select to authenticated using (status = 'draft' and shop_id = current_tenant());
create policy "Staff corrects prices" on public.products for update to authenticated using (is_staff());
alter table public.orders enable row level security;
alter table public.orders_past enable row level security;
create policy "Own orders" on public.orders for select to authenticated using (customer_id = auth.uid());
create policy "Orders in my shop" on public.orders for select to authenticated using (shop_id in (select s.id from public.shops s where s.owner_id = auth.uid()));
create policy "Orders are placed by oneself" on public.orders for insert to authenticated with check (customer_id = auth.uid() and not exists (select 1 from public.shops s where s.id = shop_id and not s.is_live));
create policy "Orders of long ago" on public.orders_past for select to authenticated using (customer_id = auth.uid() or is_staff());
alter table public.order_items enable row level security;
create policy "Items of own orders" on public.order_items for select to authenticated using (
  exists (select 1 from public.orders o where o.id = order_items.order_id and o.customer_id = auth.uid())
);
create policy "Items of products that I sell" on public.order_items for select to authenticated using (
  exists (select 1 from public.products p join public.shops s on s.id = p.shop_id where p.id = order_items.product_id and s.owner_id = (select auth.uid()))
);
alter table public.imports enable row level security;
create policy "Imports of files in my folder" on public.imports for select to authenticated using (kind = 'file' and split_part(source, '/', 1)::uuid = auth.uid());
create policy "Imports by staff" on public.imports for all to authenticated using (uploaded_by = auth.uid() and (auth.jwt() -> 'app_metadata' ->> 'role') in ('admin', 'support'));
create policy "Nobody who is banned" on public.imports as restrictive to authenticated using ((auth.jwt() ->> 'banned') is distinct from 'true');
